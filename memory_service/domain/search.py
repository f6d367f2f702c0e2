"""What a search asks for and what the engine's arms answer with."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from memory_service.domain.filters import EVERYTHING, Filter
from memory_service.domain.memory import FACTS, Memory, MemoryType
from memory_service.domain.owner import Owner


class SearchMode(enum.Enum):
    """Which arms a search uses."""

    HYBRID = "hybrid"
    SEMANTIC = "semantic"
    KEYWORD = "keyword"


class Arm(enum.Enum):
    """One way of ranking memories."""

    SEMANTIC = "semantic"
    KEYWORD = "keyword"


@dataclass(frozen=True, slots=True)
class Selection:
    """Which memories are looked at: of these owners, of these types, and matching the filter."""

    owners: tuple[Owner, ...]
    types: tuple[MemoryType, ...] = FACTS
    filter: Filter = EVERYTHING


@dataclass(frozen=True, slots=True)
class Candidate:
    """A memory that an arm found; `raw`, higher for better: cosine, or BM25 over the best."""

    memory: Memory
    raw: float
