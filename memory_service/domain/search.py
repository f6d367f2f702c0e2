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
class View:
    """Which memories count, by times in microseconds; None looks at nothing.

    `known`: they had been stored by then, and what was learned later about being superseded does
    not count. `true`: they were true then, as far as is known. `current`: they were neither
    superseded nor over by then.
    """

    known: int | None = None
    true: int | None = None
    current: int | None = None


WHOLE = View()
"""All that there is, superseded or over as it may be."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which memories are looked at: of these owners and types, matching filter and view."""

    owners: tuple[Owner, ...]
    types: tuple[MemoryType, ...] = FACTS
    filter: Filter = EVERYTHING
    view: View = WHOLE


@dataclass(frozen=True, slots=True)
class Candidate:
    """A memory that an arm found; `raw`, higher for better: cosine, or BM25 over the best."""

    memory: Memory
    raw: float
