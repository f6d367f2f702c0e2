"""Retrieval: understand a query, ask the engine by words and by meaning, make one ranking of it.

A query's vector takes longest, so it is asked for first, and all that does not need it is done
meanwhile: who talks with the owners is read, and the engine looks for the query's words. The text
that is embedded has the names of these people taken out. It is made of the names that were there
the last time; if others have come since, it is made and embedded anew.
"""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass

from memory_service.alongside import alongside
from memory_service.clock import Clock
from memory_service.deadline import Deadline
from memory_service.domain.asking import Asked, understand
from memory_service.domain.errors import ExtractorUnavailable
from memory_service.domain.owner import Owner
from memory_service.domain.ranking import Ranked
from memory_service.domain.search import Arm, Ask, SearchMode
from memory_service.domain.searching import SearchQuery
from memory_service.domain.sides import ranked_by_all, ranked_by_one, sides_of
from memory_service.embedding import EmbeddingClient
from memory_service.names_seen import Names, NamesSeen
from memory_service.revisions import Revisions
from memory_service.search_metrics import SearchMetrics
from memory_service.store.search import MemorySearch, milliseconds

QUERY_SHARE = 0.5
"""How much of the time left the query's vector may take, so that words can still be searched."""


@dataclass(frozen=True, slots=True)
class Retrieved:
    """A ranking, the best first; `degraded` if meaning was wanted and could not be had."""

    ranked: Sequence[Ranked]
    revision: int
    degraded: bool = False


class Retrieval:
    """Finds memories by meaning and by words."""

    def __init__(
        self,
        engine: MemorySearch,
        embedding: EmbeddingClient,
        revisions: Revisions,
        names: NamesSeen,
        clock: Clock,
        metrics: SearchMetrics,
    ) -> None:
        self._engine = engine
        self._embedding = embedding
        self._revisions = revisions
        self._names = names
        self._clock = clock
        self._metrics = metrics

    async def find(self, query: SearchQuery, deadline: Deadline) -> Retrieved:
        """Return all that was found for a query with a text.

        Raises ExtractorUnavailable (semantic mode only), RevisionNotReached, SearchTimeout.
        """
        owners, now = query.selection.owners, self._clock.now()
        reading = self._read(owners, query.min_revision)
        seen = self._names.of(owners)
        if seen is None:
            revision, names = await reading
            asked = understand(query.text, names, now)
        else:
            guess = understand(query.text, seen, now)
            async with (
                alongside(self._vector(query.mode, guess.text, deadline)) as vector,
                alongside(reading) as read,
            ):
                revision, names = await read
                asked = guess if names == seen else understand(query.text, names, now)
                if asked.text == guess.text:
                    return await self._ranked(query, asked, vector, revision, deadline)
        async with alongside(self._vector(query.mode, asked.text, deadline)) as vector:
            return await self._ranked(query, asked, vector, revision, deadline)

    async def _read(self, owners: Sequence[Owner], min_revision: int) -> tuple[int, Names]:
        revision, names = await self._revisions.reached_with_names(owners, min_revision)
        self._names.note(owners, names)
        return revision, names

    async def _ranked(
        self,
        query: SearchQuery,
        asked: Asked,
        vector: Awaitable[bytes | None],
        revision: int,
        deadline: Deadline,
    ) -> Retrieved:
        hybrid = query.mode is SearchMode.HYBRID
        sides = sides_of(query.selection, query.limit, hybrid=hybrid)
        timeout = milliseconds(deadline.left)
        words = () if query.mode is SearchMode.SEMANTIC else asked.words
        with self._metrics.stage("words") if words else nullcontext():
            asks = [Ask(side.selection, side.having) for side in sides]
            having = await self._engine.by_words(asks, words, timeout)
        if (embedded := await vector) is None:
            return Retrieved(ranked_by_one(sides, Arm.KEYWORD, having), revision, degraded=hybrid)
        with self._metrics.stage("meaning"):
            asks = [Ask(side.selection, side.near) for side in sides]
            near = await self._engine.by_meaning(asks, embedded, timeout)
        with self._metrics.stage("rank"):
            if not hybrid:
                return Retrieved(ranked_by_one(sides, Arm.SEMANTIC, near), revision)
            return Retrieved(ranked_by_all(sides, near, having, asked), revision)

    async def _vector(self, mode: SearchMode, text: str, deadline: Deadline) -> bytes | None:
        if mode is SearchMode.KEYWORD:
            return None
        with self._metrics.stage("embed"):
            vector = await self._embedding.query(text, within=deadline.share(QUERY_SHARE))
        if vector is None and mode is SearchMode.SEMANTIC:
            raise ExtractorUnavailable
        return vector
