"""Retrieval: understand a query, ask the engine by words and by meaning, make one ranking of it.

A query's vector takes longest, so it is asked for first, and all that does not need it is done
meanwhile: who talks with the owners is read, and the engine looks for the query's words. The text
that is embedded has the names of these people taken out. It is made of the names that were there
the last time; if others have come since, it is made and embedded anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass

from memory_service.alongside import alongside
from memory_service.clock import Clock
from memory_service.deadline import Deadline
from memory_service.domain.asking import Asked, meant, understand
from memory_service.domain.errors import ExtractorUnavailable
from memory_service.domain.ranking import Ranked
from memory_service.domain.search import Arm, Ask, SearchMode
from memory_service.domain.searching import SearchQuery
from memory_service.domain.sides import (
    FoundBySide,
    Side,
    ranked_by_all,
    ranked_by_one,
    sides_of,
)
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


_Read = tuple[int, Names]
"""An owner's revision, and who talks with all owners that are searched."""


@dataclass(frozen=True, slots=True)
class _Known:
    """What there is without the query's vector; of each side, what has the query's words."""

    revision: int
    asked: Asked
    sides: Sequence[Side]
    having: FoundBySide


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
        read: _Read | None = None
        names = self._names.of(query.selection.owners)
        if names is None:
            read = await self._read(query)
            names = read[1]
        guess, *_ = meant(query.text, names)
        vector, known = await alongside(
            self._vector(query.mode, guess, deadline), self._without_vector(query, read, deadline)
        )
        if vector is not None and known.asked.text != guess:
            vector = await self._vector(query.mode, known.asked.text, deadline)
        ranked = await self._ranked(query, known, vector, deadline)
        degraded = vector is None and query.mode is SearchMode.HYBRID
        return Retrieved(ranked, known.revision, degraded)

    async def _read(self, query: SearchQuery) -> _Read:
        owners = query.selection.owners
        revision, names = await self._revisions.reached_with_names(owners, query.min_revision)
        self._names.note(owners, names)
        return revision, names

    async def _without_vector(
        self, query: SearchQuery, read: _Read | None, deadline: Deadline
    ) -> _Known:
        revision, names = read or await self._read(query)
        asked = understand(query.text, names, self._clock.now())
        hybrid = query.mode is SearchMode.HYBRID
        sides = sides_of(query.selection, query.limit, hybrid=hybrid)
        words = () if query.mode is SearchMode.SEMANTIC else asked.words
        with self._metrics.stage("words") if words else nullcontext():
            asks = [Ask(side.selection, side.having) for side in sides]
            having = await self._engine.by_words(asks, words, milliseconds(deadline.left))
        return _Known(revision, asked, sides, having)

    async def _ranked(
        self, query: SearchQuery, known: _Known, vector: bytes | None, deadline: Deadline
    ) -> Sequence[Ranked]:
        sides = known.sides
        if vector is None:
            return ranked_by_one(sides, Arm.KEYWORD, known.having)
        with self._metrics.stage("meaning"):
            asks = [Ask(side.selection, side.near) for side in sides]
            near = await self._engine.by_meaning(asks, vector, milliseconds(deadline.left))
        with self._metrics.stage("rank"):
            if query.mode is SearchMode.SEMANTIC:
                return ranked_by_one(sides, Arm.SEMANTIC, near)
            return ranked_by_all(sides, near, known.having, known.asked)

    async def _vector(self, mode: SearchMode, text: str, deadline: Deadline) -> bytes | None:
        if mode is SearchMode.KEYWORD:
            return None
        with self._metrics.stage("embed"):
            vector = await self._embedding.query(text, within=deadline.share(QUERY_SHARE))
        if vector is None and mode is SearchMode.SEMANTIC:
            raise ExtractorUnavailable
        return vector
