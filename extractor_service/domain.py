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
    """How much of an event time is known; the rest of the timestamp is the start of that unit.

    A week starts on Monday.
    """

    YEAR = "year"
    MONTH = "month"
    WEEK = "week"
    DAY = "day"
    MINUTE = "minute"


class StrategyKind(enum.Enum):
    """What is to be extracted; how SUMMARY and CUSTOM are done is up to who can do them."""

    DISCRETE = "discrete"
    PREFERENCES = "preferences"
    SUMMARY = "summary"
    CUSTOM = "custom"


@dataclass(frozen=True, slots=True)
class Strategy:
    """How a conversation is extracted; `instructions` are there for CUSTOM and empty otherwise.

    `include_assistant`: also what the assistant did for the user.
    """

    kind: StrategyKind = StrategyKind.DISCRETE
    instructions: str = ""
    include_assistant: bool = False


UNNAMED = "the user"
"""Who speaks where no name is given."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One message of a conversation, as it was said.

    `speaker` may be empty when the caller gave no name. `time` is in the time zone of whoever said
    it: it is "now" for every relative date in `text`, and "at 9" is meant there.
    """

    id: str
    role: Role
    speaker: str
    text: str
    time: datetime


@dataclass(frozen=True, slots=True)
class KnownEntity:
    """Somebody or something known from before: Emma, a person, who is the sister of Alice."""

    name: str
    kind: str
    relation: str
    of: str


@dataclass(frozen=True, slots=True)
class Conversation:
    """New turns, oldest first, and those right before them, which are not extracted from.

    `known` are those in the lives of who speaks, from before the conversation.
    """

    messages: tuple[Turn, ...]
    context: tuple[Turn, ...]
    known: tuple[KnownEntity, ...] = ()


@dataclass(frozen=True, slots=True)
class Setting:
    """What matters beside the turns: who is known, and whether the assistant's deeds count."""

    known: tuple[KnownEntity, ...] = ()
    include_assistant: bool = False


PLAIN = Setting()


@dataclass(frozen=True, slots=True)
class LlmUsage:
    """What a language model was asked: requests that it answered, usefully or not, and tokens."""

    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0

    def __add__(self, other: LlmUsage) -> LlmUsage:
        """Of both together."""
        return LlmUsage(
            self.calls + other.calls,
            self.prompt_tokens + other.prompt_tokens,
            self.completion_tokens + other.completion_tokens,
        )


NO_USAGE = LlmUsage()


@dataclass(frozen=True, slots=True)
class Entity:
    """A named person, place, organisation or thing; `kind` is lower case ("person", "org", ...)."""

    name: str
    kind: str


@dataclass(frozen=True, slots=True)
class EventTime:
    """When something happened or will happen: the start of the unit that `precision` names.

    `time` is in the time zone of whose calendar the unit is.
    """

    time: datetime
    precision: Precision

    def same(self, other: EventTime | None) -> bool:
        """Whether both are one moment, or one unit of the calendar, whosever it is."""
        if other is None or self.precision is not other.precision:
            return False
        if self.precision is Precision.MINUTE:
            return self.time == other.time
        return self.time.replace(tzinfo=None) == other.time.replace(tzinfo=None)


@dataclass(frozen=True, slots=True)
class Source:
    """Where a memory comes from: bytes [start, end) of the UTF-8 text of one message."""

    message_id: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Finding:
    """One extracted memory before it has a vector: a self-contained third-person sentence.

    `untrusted`: it may try to instruct whoever reads it. `slot` is what it says of whom where only
    one such fact is true at a time, "alice|home", else "".
    """

    text: str
    type: MemoryType
    topics: tuple[str, ...]
    entities: tuple[Entity, ...]
    source: Source
    confidence: float
    event_time: EventTime | None = field(default=None)
    untrusted: bool = False
    slot: str = ""
