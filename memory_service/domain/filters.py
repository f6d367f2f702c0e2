"""Which memories: a tree of typed conditions. What each means is said in matching.py."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class TagField(enum.Enum):
    """A field whose whole values are compared; the value is the name in the index."""

    ID = "id"
    SESSION_ID = "session"
    TYPE = "type"
    TOPIC = "topic"
    ENTITY = "entity"
    ENTITY_KIND = "kind"
    MESSAGE_ID = "message"
    EXTRACTOR = "extractor"
    SLOT = "slot"


class TimeField(enum.Enum):
    """A field of integer microseconds; the value is the name in the index."""

    EVENT_TIME = "event_time"
    CREATE_TIME = "created"
    UPDATE_TIME = "updated"
    VALID_FROM = "valid_from"
    VALID_TO = "valid_to"
    SUPERSEDE_TIME = "superseded_at"


class NumberField(enum.Enum):
    """A field of one number; the value is the name in the index."""

    CONFIDENCE = "confidence"


@dataclass(frozen=True, slots=True)
class AnyOf:
    """The field has at least one of `values` (one value: equality)."""

    field: TagField
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AllOf:
    """The field has all of `values`."""

    field: TagField
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Prefix:
    """The field has a value that begins with `value`; neither TYPE nor MESSAGE_ID."""

    field: TagField
    value: str


@dataclass(frozen=True, slots=True)
class TimeRange:
    """start <= field < end, in microseconds; a missing bound is open. No value, no match.

    The engine compares times as doubles: to the microsecond from 1685 to 2255, else to 32 of them.
    """

    field: TimeField
    start: int | None = None
    end: int | None = None


@dataclass(frozen=True, slots=True)
class NumberRange:
    """low <= field <= high; a missing bound is open."""

    field: NumberField
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Has:
    """The field has a value."""

    field: TagField | TimeField


@dataclass(frozen=True, slots=True)
class Pinned:
    """The memory is pinned, or is not."""

    value: bool


@dataclass(frozen=True, slots=True)
class Untrusted:
    """The memory is untrusted, or is not."""

    value: bool


@dataclass(frozen=True, slots=True)
class MetadataHas:
    """There is a value at `path`, or below it."""

    path: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MetadataAnyOf:
    """There is a string at `path` that is one of `values`."""

    path: tuple[str, ...]
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MetadataIs:
    """There is this boolean at `path`."""

    path: tuple[str, ...]
    value: bool


@dataclass(frozen=True, slots=True)
class MetadataRange:
    """There is a number at `path` with low <= number <= high; a missing bound is open."""

    path: tuple[str, ...]
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Filter:
    """All of `must`, at least one of `should` if there are any, none of `must_not`."""

    must: tuple[Condition, ...] = ()
    should: tuple[Condition, ...] = ()
    must_not: tuple[Condition, ...] = ()

    @property
    def empty(self) -> bool:
        """Whether it matches everything because it asks for nothing; one of empty filters does."""
        some = not self.should or any(map(_asks_nothing, self.should))
        return some and all(map(_asks_nothing, self.must)) and all(map(_never, self.must_not))


MetadataCondition = MetadataHas | MetadataAnyOf | MetadataIs | MetadataRange
Marked = Pinned | Untrusted
Condition = (
    AnyOf | AllOf | Prefix | TimeRange | NumberRange | Has | Marked | MetadataCondition | Filter
)

EVERYTHING = Filter()


def _asks_nothing(condition: Condition) -> bool:
    return isinstance(condition, Filter) and condition.empty


def _never(condition: Condition) -> bool:
    """Whether nothing can match, because it must not be what everything is."""
    if not isinstance(condition, Filter):
        return False
    none = condition.should and all(map(_never, condition.should))
    none = none or any(map(_never, condition.must))
    return bool(none or any(map(_asks_nothing, condition.must_not)))
