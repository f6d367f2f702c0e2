"""Which memories: a tree of typed conditions, and what it means, said in plain Python."""

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


class TimeField(enum.Enum):
    """A field of integer microseconds; the value is the name in the index."""

    EVENT_TIME = "event_time"
    CREATE_TIME = "created"
    UPDATE_TIME = "updated"


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
class TimeRange:
    """start <= field < end, in microseconds; a missing bound is open. No value, no match."""

    field: TimeField
    start: int | None = None
    end: int | None = None


@dataclass(frozen=True, slots=True)
class Filter:
    """All of `must`, at least one of `should` if there are any, none of `must_not`."""

    must: tuple[Condition, ...] = ()
    should: tuple[Condition, ...] = ()
    must_not: tuple[Condition, ...] = ()

    @property
    def empty(self) -> bool:
        """An empty filter matches everything."""
        return not (self.must or self.should or self.must_not)


Condition = AnyOf | AllOf | TimeRange | Filter

EVERYTHING = Filter()
