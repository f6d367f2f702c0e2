"""Filters: checked against their limits, and turned into the domain's."""

from __future__ import annotations

from collections.abc import Sequence

from agentmemory.v1 import memory_pb2 as pb

from memory_service.domain.errors import InvalidField
from memory_service.domain.filters import (
    AllOf,
    AnyOf,
    Condition,
    Filter,
    TagField,
    TimeField,
    TimeRange,
)
from memory_service.translate import fields

MAX_DEPTH = 8
"""Ours; the engine's parser overflows between 200 and 500."""

MAX_CONDITIONS = 64
MAX_VALUES = 64

_TAGS = {
    pb.TAG_FIELD_ID: TagField.ID,
    pb.TAG_FIELD_SESSION_ID: TagField.SESSION_ID,
    pb.TAG_FIELD_TYPE: TagField.TYPE,
    pb.TAG_FIELD_TOPIC: TagField.TOPIC,
    pb.TAG_FIELD_ENTITY: TagField.ENTITY,
}
_TIMES = {
    pb.TIME_FIELD_EVENT_TIME: TimeField.EVENT_TIME,
    pb.TIME_FIELD_CREATE_TIME: TimeField.CREATE_TIME,
    pb.TIME_FIELD_UPDATE_TIME: TimeField.UPDATE_TIME,
}


def from_proto(given: pb.Filter, path: str) -> Filter:
    """Return the filter; raise InvalidField with the path of the condition at fault."""
    if _size(given) > MAX_CONDITIONS:
        raise InvalidField(path, f"has more than {MAX_CONDITIONS} conditions")
    return _filter(given, path, depth=1)


def _size(given: pb.Filter) -> int:
    conditions = [*given.must, *given.should, *given.must_not]
    nested = [c.filter for c in conditions if c.WhichOneof("kind") == "filter"]
    return len(conditions) + sum(_size(inner) for inner in nested)


def _filter(given: pb.Filter, path: str, depth: int) -> Filter:
    if depth > MAX_DEPTH:
        raise InvalidField(path, f"is nested more than {MAX_DEPTH} deep")

    def conditions(items: Sequence[pb.Condition], name: str) -> tuple[Condition, ...]:
        return tuple(_condition(c, f"{path}.{name}[{i}]", depth) for i, c in enumerate(items))

    return Filter(
        must=conditions(given.must, "must"),
        should=conditions(given.should, "should"),
        must_not=conditions(given.must_not, "must_not"),
    )


def _condition(given: pb.Condition, path: str, depth: int) -> Condition:
    kind = given.WhichOneof("kind")
    if kind == "tag":
        return _tag(given.tag, f"{path}.tag")
    if kind == "time":
        return _time(given.time, f"{path}.time")
    if kind == "filter":
        return _filter(given.filter, f"{path}.filter", depth + 1)
    raise InvalidField(path, "is required")


def _tag(given: pb.TagCondition, path: str) -> AnyOf | AllOf:
    if given.field not in _TAGS:
        raise InvalidField(f"{path}.field", "is required")
    field = _TAGS[given.field]
    match given.WhichOneof("match"):
        case "equals":
            return AnyOf(field, (_value(given.equals, f"{path}.equals"),))
        case "any_of":
            return AnyOf(field, _values(given.any_of.values, f"{path}.any_of.values"))
        case "all_of":
            return AllOf(field, _values(given.all_of.values, f"{path}.all_of.values"))
        case _:
            raise InvalidField(path, "needs one of equals, any_of, all_of")


def _values(values: Sequence[str], path: str) -> tuple[str, ...]:
    fields.size(values, path, least=1, most=MAX_VALUES)
    return tuple(dict.fromkeys(_value(value, f"{path}[{i}]") for i, value in enumerate(values)))


def _value(value: str, path: str) -> str:
    return fields.name(value, path, required=True)


def _time(given: pb.TimeRange, path: str) -> TimeRange:
    if given.field not in _TIMES:
        raise InvalidField(f"{path}.field", "is required")
    start = fields.micros(given.start, f"{path}.start") if given.HasField("start") else None
    end = fields.micros(given.end, f"{path}.end") if given.HasField("end") else None
    if start is None and end is None:
        raise InvalidField(path, "needs a start or an end")
    return TimeRange(_TIMES[given.field], start, end)
