"""Search: embed the query, ask the engine's arms in one round trip, fuse."""

from __future__ import annotations

from dataclasses import dataclass, replace

from memory_service.domain.errors import ExtractorUnavailable
from memory_service.domain.fusion import Fused, fuse
from memory_service.domain.lexical import query_terms
from memory_service.domain.search import SearchMode, Selection
from memory_service.embedding import EmbeddingClient
from memory_service.revisions import Revisions
from memory_service.store.search import MemorySearch
from memory_service.time_travel import TimeTravel

CANDIDATES = 50
"""How many memories each arm brings, at least: fusion ranks the union of both.

The figures in `fusion.fuse` are of 50; reading the candidates is most of what a search adds to the
embedding of its query.
"""

ENGINE_TIMEOUT_MS = 5000
QUERY_SHARE = 0.5
"""How much of the time left the query's vector may take, so that words can still be searched."""


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """What to look for, where, and how many hits to give."""

    text: str
    mode: SearchMode
    selection: Selection
    limit: int
    min_score: float = 0.0
    min_revision: int = 0


@dataclass(frozen=True, slots=True)
class SearchResult:
    """Hits, the best first; `degraded` if a hybrid search had to do without meaning."""

    hits: tuple[Fused, ...]
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
    ) -> None:
        self._engine = engine
        self._embedding = embedding
        self._revisions = revisions
        self._past = past

    async def find(self, query: SearchQuery, *, time_left: float | None) -> SearchResult:
        """Return what matches best; `time_left` is up to the caller's deadline, in seconds.

        Raises ExtractorUnavailable (semantic mode only), RevisionNotReached, SearchTimeout.
        """
        revision = await self._revisions.reached(query.selection.owners[0], query.min_revision)
        vector = await self._vector(query, time_left)
        degraded = vector is None and query.mode is SearchMode.HYBRID
        words = [] if query.mode is SearchMode.SEMANTIC else query_terms(query.text)
        arms = await self._engine.arms(
            query.selection,
            vector=vector,
            words=words,
            k=max(CANDIDATES, query.limit),
            timeout_ms=_milliseconds(time_left),
        )
        ranked = fuse(arms)
        hits = [hit for hit in ranked if hit.score >= query.min_score][: query.limit]
        shown = await self._past.shown([hit.memory for hit in hits], query.selection.view)
        as_it_was = [replace(hit, memory=m) for hit, m in zip(hits, shown, strict=True)]
        return SearchResult(tuple(as_it_was), degraded, revision)

    async def _vector(self, query: SearchQuery, time_left: float | None) -> bytes | None:
        if query.mode is SearchMode.KEYWORD:
            return None
        share = None if time_left is None else time_left * QUERY_SHARE
        vector = await self._embedding.query(query.text, within=share)
        if vector is None and query.mode is SearchMode.SEMANTIC:
            raise ExtractorUnavailable
        return vector


def _milliseconds(time_left: float | None) -> int:
    if time_left is None:
        return ENGINE_TIMEOUT_MS
    return max(1, min(round(time_left * 1000), ENGINE_TIMEOUT_MS))
