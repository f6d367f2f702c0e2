"""Search: understand the query, embed it, ask the engine's arms in one round trip, rank, cut."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from memory_service.alongside import alongside
from memory_service.clock import Clock
from memory_service.domain.asking import Asked, understand
from memory_service.domain.boosts import NONE, Boosts, boosted
from memory_service.domain.collapsing import collapsed
from memory_service.domain.errors import ExtractorUnavailable
from memory_service.domain.features import pool_of
from memory_service.domain.filters import EVERYTHING
from memory_service.domain.memory import FACTS, Memory, MemoryType
from memory_service.domain.ranking import (
    OF_FACTS,
    OF_TURNS,
    Ranked,
    in_order,
    rank,
    rank_arm,
)
from memory_service.domain.rerank import DEPTH, SHARE, blend
from memory_service.domain.search import Arm, Bounds, Found, SearchMode, Selection
from memory_service.embedding import EmbeddingClient
from memory_service.reranking import RerankClient
from memory_service.revisions import Revisions
from memory_service.search_metrics import SearchMetrics
from memory_service.store.records import shown
from memory_service.store.search import MemorySearch
from memory_service.time_travel import TimeTravel
from memory_service.tokens import CounterOnDemand, TokenCounter

CANDIDATES = 50
"""How many memories each arm brings, at least: ranking is of the union of both.

With 100 the nDCG@10 on LoCoMo's development conversations is 0.3 higher, and reading the
candidates is most of what a search adds to the embedding of its query.
"""

ENGINE_TIMEOUT_MS = 5000
RERANK_SHARE = 0.8
"""How much of the time left then the reranker may take; the rest is for reading what is shown."""

QUERY_SHARE = 0.5
"""How much of the time left the query's vector may take, so that words can still be searched."""


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """What to look for, where, and how many hits to give.

    `collapse`: of hits that say nearly the same, only the best. With a `token_budget`, no more hits
    than their texts fit into it.
    """

    text: str
    mode: SearchMode
    selection: Selection
    limit: int
    min_score: float = 0.0
    min_revision: int = 0
    boosts: Boosts = NONE
    collapse: bool = False
    token_budget: int | None = None


@dataclass(frozen=True, slots=True)
class Hit:
    """A memory that was found, and how it was ranked."""

    memory: Memory
    ranked: Ranked

    @property
    def score(self) -> float:
        """0 to 1, higher is better."""
        return self.ranked.score


@dataclass(frozen=True, slots=True)
class Rereading:
    """Who reads a search's best again, how many of them, and what its opinion counts."""

    client: RerankClient
    depth: int = DEPTH
    share: float = SHARE


@dataclass(frozen=True, slots=True)
class SearchResult:
    """Hits, the best first; `degraded` if a hybrid search had to do without meaning."""

    hits: tuple[Hit, ...]
    degraded: bool
    revision: int


class Search:
    """Finds memories by meaning and by words."""

    def __init__(
        self,
        engine: MemorySearch,
        embedding: EmbeddingClient,
        revisions: Revisions,
        past: TimeTravel,
        counters: CounterOnDemand,
        clock: Clock,
        rereading: Rereading | None = None,
        metrics: SearchMetrics | None = None,
    ) -> None:
        self._engine = engine
        self._embedding = embedding
        self._revisions = revisions
        self._past = past
        self._counters = counters
        self._clock = clock
        self._rereading = rereading
        self._metrics = metrics or SearchMetrics()

    async def find(self, query: SearchQuery, *, time_left: float | None) -> SearchResult:
        """Return what matches best; `time_left` is up to the caller's deadline, in seconds.

        Without a text: the newest. Raises ExtractorUnavailable (semantic mode only),
        RevisionNotReached, SearchTimeout.
        """
        began = time.monotonic()
        owners = query.selection.owners
        revision, names = await self._revisions.reached_with_names(owners, query.min_revision)
        if not query.text.strip():
            found = await self._engine.newest(
                query.selection, query.limit, _milliseconds(time_left)
            )
            ranked, degraded = [Ranked(each, 0.0, {}) for each in found], False
        else:
            asked = understand(query.text, names, self._clock.now())
            ranked, degraded = await self._ranked(query, asked, time_left)
            left = None if time_left is None else time_left - (time.monotonic() - began)
            ranked = await self._reranked(query.text, ranked, left)
        self._metrics.searched(query.mode.value, degraded=degraded)
        ranked = boosted(ranked, query.boosts, self._clock.now())
        hits = await self._shown(query, list(_best(query, ranked)))
        return SearchResult(tuple(hits), degraded, revision)

    async def _ranked(
        self, query: SearchQuery, asked: Asked, time_left: float | None
    ) -> tuple[list[Ranked], bool]:
        """Return the ranking, and whether it had to do without meaning.

        The engine looks for words while the query's vector is made, which takes longer.
        """
        hybrid = query.mode is SearchMode.HYBRID
        sides = _sides(query.selection, votes=hybrid)
        bounds = Bounds(max(CANDIDATES, query.limit), _milliseconds(time_left))
        words = () if query.mode is SearchMode.SEMANTIC else asked.words
        async with alongside(self._by_words(sides, words, bounds)) as by_words:
            vector = await self._vector(query.mode, asked.text, time_left)
            near = None if vector is None else await self._by_meaning(sides, vector, bounds)
            having = await by_words
        with self._metrics.stage("rank"):
            if near is None:
                return _by_one(query.selection, sides, Arm.KEYWORD, having), hybrid
            if not hybrid:
                return _by_one(query.selection, sides, Arm.SEMANTIC, near), False
            return _by_all(query.selection, sides, near, having, asked), False

    async def _by_words(
        self, sides: Sequence[Selection], words: Sequence[str], bounds: Bounds
    ) -> list[list[Found]]:
        with self._metrics.stage("words"):
            return await self._engine.by_words(sides, words, bounds)

    async def _by_meaning(
        self, sides: Sequence[Selection], vector: bytes, bounds: Bounds
    ) -> list[list[Found]]:
        with self._metrics.stage("engine"):
            return await self._engine.by_meaning(sides, vector, bounds)

    async def _vector(self, mode: SearchMode, text: str, time_left: float | None) -> bytes | None:
        if mode is SearchMode.KEYWORD:
            return None
        share = None if time_left is None else time_left * QUERY_SHARE
        with self._metrics.stage("embed"):
            vector = await self._embedding.query(text, within=share)
        if vector is None and mode is SearchMode.SEMANTIC:
            raise ExtractorUnavailable
        return vector

    async def _reranked(
        self, text: str, ranked: list[Ranked], time_left: float | None
    ) -> list[Ranked]:
        """Return the ranking with the reranker's opinion in it, or as it is if there is none."""
        if self._rereading is None or self._rereading.client.absent or not self._rereading.share:
            return ranked
        texts = [shown(each.found).text for each in ranked[: self._rereading.depth]]
        within = None if time_left is None else max(0.0, time_left * RERANK_SHARE)
        opinion = await self._rereading.client.scores(text, texts, within=within)
        if opinion is None:
            return ranked
        scores = blend([each.score for each in ranked], opinion, self._rereading.share)
        new = [each._replace(score=score) for each, score in zip(ranked, scores, strict=True)]
        return in_order(new)

    async def _shown(self, query: SearchQuery, ranked: Sequence[Ranked]) -> list[Hit]:
        """Return the hits as they were when the view looks back to, as many as fit."""
        memories = [shown(each.found) for each in ranked]
        as_it_was = await self._past.shown(memories, query.selection.view)
        hits = [Hit(memory, each) for memory, each in zip(as_it_was, ranked, strict=True)]
        if query.token_budget is None:
            return hits
        counter = await self._counters.get()
        return await asyncio.to_thread(_within, hits, query.token_budget, counter)


def _sides(selection: Selection, *, votes: bool) -> list[Selection]:
    """Return what is asked for turns and for facts apart; facts `votes` for turns in any case."""
    turns = tuple(type_ for type_ in selection.types if type_ is MemoryType.MESSAGE)
    facts = tuple(type_ for type_ in selection.types if type_ is not MemoryType.MESSAGE)
    sides = [replace(selection, types=types) for types in (turns, facts) if types]
    if turns and not facts and votes:
        sides.append(replace(selection, types=FACTS, filter=EVERYTHING))
    return sides


def _by_one(
    selection: Selection, sides: Sequence[Selection], arm: Arm, found: Sequence[Sequence[Found]]
) -> list[Ranked]:
    """Rank what is wanted as the only arm that was asked does."""
    arms = zip(sides, found, strict=True)
    wanted = [{arm: of} for side, of in arms if set(side.types) <= set(selection.types)]
    return in_order([each for of in wanted for each in rank_arm(of)])


def _by_all(
    selection: Selection,
    sides: Sequence[Selection],
    near: Sequence[Sequence[Found]],
    having: Sequence[Sequence[Found]],
    asked: Asked,
) -> list[Ranked]:
    """Rank turns and facts, each by what speaks for its kind."""
    found = [
        {Arm.SEMANTIC: by_meaning, Arm.KEYWORD: by_words}
        for by_meaning, by_words in zip(near, having, strict=True)
    ]
    pools = [pool_of(arms, asked.words) for arms in found]
    facts = pools[-1] if sides[-1].types != (MemoryType.MESSAGE,) else None
    ranked: list[Ranked] = []
    for side, arms, pool in zip(sides, found, pools, strict=True):
        if side.types == (MemoryType.MESSAGE,):
            ranked += rank(pool, arms, asked, OF_TURNS, facts)
        elif set(side.types) <= set(selection.types):
            ranked += rank(pool, arms, asked, OF_FACTS)
    return in_order(ranked)


def _best(query: SearchQuery, ranked: Sequence[Ranked]) -> Iterator[Ranked]:
    enough = (each for each in ranked if each.score >= query.min_score)
    return itertools.islice(collapsed(enough) if query.collapse else enough, query.limit)


def _within(hits: Sequence[Hit], budget: int, counter: TokenCounter) -> list[Hit]:
    """Return the hits before the first that does not fit."""
    counts = itertools.accumulate(counter.count(hit.memory.text) for hit in hits)
    return [hit for hit, used in zip(hits, counts, strict=True) if used <= budget]


def _milliseconds(time_left: float | None) -> int:
    if time_left is None:
        return ENGINE_TIMEOUT_MS
    return max(1, min(round(time_left * 1000), ENGINE_TIMEOUT_MS))
