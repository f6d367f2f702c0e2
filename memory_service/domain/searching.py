"""A search as it is asked for, and what it gives."""

from __future__ import annotations

from dataclasses import dataclass

from memory_service.domain.boosts import NONE, Boosts
from memory_service.domain.memory import Memory
from memory_service.domain.ranking import Ranked
from memory_service.domain.search import SearchMode, Selection


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
class SearchResult:
    """Hits, the best first; `degraded` if a hybrid search had to do without meaning."""

    hits: tuple[Hit, ...]
    degraded: bool
    revision: int
