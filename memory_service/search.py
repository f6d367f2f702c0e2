"""Search: what is retrieved, read again by a reranker if there is one, favoured, cut and shown."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import replace

from memory_service.clock import Clock
from memory_service.deadline import Deadline
from memory_service.domain.boosts import boosted
from memory_service.domain.collapsing import collapsed
from memory_service.domain.ranking import Ranked
from memory_service.domain.searching import Hit, SearchQuery, SearchResult
from memory_service.domain.sides import CANDIDATES
from memory_service.domain.sizes import OBJECT_BYTES, RESPONSE_BYTES, first_that_fit
from memory_service.rereading import Rereading
from memory_service.retrieval import Retrieval, Retrieved
from memory_service.revisions import Revisions
from memory_service.search_metrics import SearchMetrics
from memory_service.store.records import shown, stored_bytes
from memory_service.store.search import MemorySearch, milliseconds
from memory_service.time_travel import TimeTravel
from memory_service.tokens import CounterOnDemand, TokenCounter

_SMALL = RESPONSE_BYTES // (OBJECT_BYTES + 1)
"""Bytes of what is stored that fit as hits, whatever it is: an object is several times its JSON."""


class Search:
    """Finds memories, and shows the best of them."""

    def __init__(
        self,
        engine: MemorySearch,
        retrieval: Retrieval,
        revisions: Revisions,
        past: TimeTravel,
        counters: CounterOnDemand,
        clock: Clock,
        rereading: Rereading | None = None,
        metrics: SearchMetrics | None = None,
    ) -> None:
        self._engine = engine
        self._retrieval = retrieval
        self._revisions = revisions
        self._past = past
        self._counters = counters
        self._clock = clock
        self._rereading = rereading
        self._metrics = metrics or SearchMetrics()

    async def answer(self, query: SearchQuery, *, time_left: float | None) -> SearchResult:
        """Return what `find` finds, as many of the best hits as fit into a response."""
        found = await self.find(query, time_left=time_left)
        return replace(found, hits=_that_fit(found.hits, query))

    async def find(self, query: SearchQuery, *, time_left: float | None) -> SearchResult:
        """Return what matches best; `time_left` is up to the caller's deadline, in seconds.

        Without a text: the newest. Raises ExtractorUnavailable (semantic mode only),
        RevisionNotReached, SearchTimeout.
        """
        deadline = Deadline.after(time_left)
        by_text = bool(query.text.strip())
        found = await (self._by_text if by_text else self._newest)(query, deadline)
        self._metrics.searched(query.mode.value, degraded=found.degraded)
        ranked = boosted(found.ranked, query.boosts, self._clock.now())
        hits = await self._shown(query, list(_best(query, ranked)))
        return SearchResult(tuple(hits), found.degraded, found.revision)

    async def _by_text(self, query: SearchQuery, deadline: Deadline) -> Retrieved:
        found = await self._retrieval.find(query, deadline)
        if self._rereading is None:
            return found
        ranked = await self._rereading.reread(query.text, found.ranked, deadline)
        return replace(found, ranked=ranked)

    async def _newest(self, query: SearchQuery, deadline: Deadline) -> Retrieved:
        revision = await self._revisions.reached(query.selection.owners[0], query.min_revision)
        timeout = milliseconds(deadline.left)
        # What is favoured, or not said twice, is chosen among as many as with a text.
        chosen_from = CANDIDATES if query.boosts or query.collapse else query.limit
        most = max(chosen_from, query.limit)
        found = await self._engine.newest(query.selection, most, timeout)
        return Retrieved([Ranked(each, 0.0, {}) for each in found], revision)

    async def _shown(self, query: SearchQuery, ranked: Sequence[Ranked]) -> list[Hit]:
        """Return the hits as they were when the view looks back to, as many as fit."""
        memories = [shown(each.found) for each in ranked]
        as_it_was = await self._past.shown(memories, query.selection.view)
        hits = [Hit(memory, each) for memory, each in zip(as_it_was, ranked, strict=True)]
        if query.token_budget is None:
            return hits
        counter = await self._counters.get()
        return await asyncio.to_thread(_within, hits, query.token_budget, counter)


def _best(query: SearchQuery, ranked: Sequence[Ranked]) -> Iterator[Ranked]:
    enough = (each for each in ranked if each.score >= query.min_score)
    return itertools.islice(collapsed(enough) if query.collapse else enough, query.limit)


def _that_fit(hits: tuple[Hit, ...], query: SearchQuery) -> tuple[Hit, ...]:
    """Return the hits before the first that does not fit; few and small ones are not measured."""
    as_stored = query.selection.view.known is None
    if as_stored and sum([stored_bytes(hit.ranked.found) for hit in hits]) <= _SMALL:
        return hits
    return hits[: len(first_that_fit([hit.memory for hit in hits]))]


def _within(hits: Sequence[Hit], budget: int, counter: TokenCounter) -> list[Hit]:
    """Return the hits before the first that does not fit."""
    counts = itertools.accumulate(counter.count(hit.memory.text) for hit in hits)
    return [hit for hit, used in zip(hits, counts, strict=True) if used <= budget]
