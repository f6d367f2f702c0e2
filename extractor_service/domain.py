"""What the extractor works on and gives back: frozen values, no gRPC, no model."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from datetime import datetime


class Role(enum.Enum):
    """Who a turn comes from. Only a USER's own words are extracted from."""

    USER = "user"
    ASSISTANT = "assistant"
    SYSTEM = "system"
    TOOL = "tool"


class MemoryType(enum.Enum):
    """SEMANTIC holds until something changes it; EPISODIC happened, or will happen, at a time."""

    SEMANTIC = "semantic"
    EPISODIC = "episodic"


class Precision(enum.Enum):
    """How much of an event time is known; the rest of the timestamp is the start of that unit."""

    YEAR = "year"
    MONTH = "month"
    DAY = "day"
    MINUTE = "minute"


@dataclass(frozen=True, slots=True)
class Turn:
    """One message of a conversation, as it was said.

    `speaker` may be empty when the caller gave no name. `time` is timezone-aware: it is "now" for
    every relative date in `text`.
    """

    id: str
    role: Role
    speaker: str
    text: str
    time: datetime


@dataclass(frozen=True, slots=True)
class Entity:
    """A named person, place, organisation or thing; `kind` is lower case ("person", "org", ...)."""

    name: str
    kind: str


@dataclass(frozen=True, slots=True)
class EventTime:
    """When something happened or will happen: the start of the unit that `precision` names."""

    time: datetime
    precision: Precision


@dataclass(frozen=True, slots=True)
class Source:
    """Where a memory comes from: bytes [start, end) of the UTF-8 text of one message."""

    message_id: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Finding:
    """One extracted memory before it has a vector: a self-contained third-person sentence."""

    text: str
    type: MemoryType
    topics: tuple[str, ...]
    entities: tuple[Entity, ...]
    source: Source
    confidence: float
    event_time: EventTime | None = field(default=None)
