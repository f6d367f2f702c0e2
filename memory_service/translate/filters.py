"""Filters: checked against their limits, and turned into the domain's."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Sequence
from itertools import chain, islice

from agentmemory.v1 import memory_pb2 as pb

from memory_service.domain.errors import InvalidField
from memory_service.domain.filters import (
    AllOf,
    AnyOf,
    Condition,
    Filter,
    Has,
    NumberField,
    NumberRange,
    Pinned,
    Prefix,
    TagField,
    TimeField,
    TimeRange,
    Untrusted,
)
from memory_service.translate import fields, metadata_conditions
from memory_service.translate.ranges import bounds

MAX_DEPTH = 8
"""Ours; the engine's parser overflows between 200 and 500."""

MAX_CONDITIONS = 64
MAX_VALUES = 64
MAX_PREFIX = 32

_TAGS = {
    pb.TAG_FIELD_ID: TagField.ID,
    pb.TAG_FIELD_SESSION_ID: TagField.SESSION_ID,
    pb.TAG_FIELD_TYPE: TagField.TYPE,
    pb.TAG_FIELD_TOPIC: TagField.TOPIC,
    pb.TAG_FIELD_ENTITY: TagField.ENTITY,
    pb.TAG_FIELD_ENTITY_KIND: TagField.ENTITY_KIND,
    pb.TAG_FIELD_MESSAGE_ID: TagField.MESSAGE_ID,
    pb.TAG_FIELD_EXTRACTOR: TagField.EXTRACTOR,
    pb.TAG_FIELD_SLOT: TagField.SLOT,
}
_WITHOUT_PREFIXES = (TagField.TYPE, TagField.MESSAGE_ID)
_TIMES = {
    pb.TIME_FIELD_EVENT_TIME: TimeField.EVENT_TIME,
    pb.TIME_FIELD_CREATE_TIME: TimeField.CREATE_TIME,
    pb.TIME_FIELD_UPDATE_TIME: TimeField.UPDATE_TIME,
    pb.TIME_FIELD_VALID_FROM: TimeField.VALID_FROM,
    pb.TIME_FIELD_VALID_TO: TimeField.VALID_TO,
    pb.TIME_FIELD_SUPERSEDE_TIME: TimeField.SUPERSEDE_TIME,
}
_NUMBERS = {pb.NUMBER_FIELD_CONFIDENCE: NumberField.CONFIDENCE}


def from_proto(given: pb.Filter, path: str) -> Filter:
    """Return the filter; raise InvalidField with the path of the condition at fault."""
    # No further than that: a tree of millions would take seconds to read.
    if len(list(islice(_each(given), MAX_CONDITIONS + 1))) > MAX_CONDITIONS:
        raise InvalidField(path, f"has more than {MAX_CONDITIONS} conditions")
    return _filter(given, path, depth=1)


def _each(given: pb.Filter) -> Iterator[pb.Condition]:
    for condition in chain(given.must, given.should, given.must_not):
        yield condition
        if condition.WhichOneof("kind") == "filter":
            yield from _each(condition.filter)


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
    match given.WhichOneof("kind"):
        case "filter":
            return _filter(given.filter, f"{path}.filter", depth + 1)
        case "metadata":
            return metadata_conditions.from_proto(given.metadata, f"{path}.metadata")
        case None:
            raise InvalidField(path, "is required")
        case _:
            return _field(given, path)


def _field(given: pb.Condition, path: str) -> Condition:
    match given.WhichOneof("kind"):
        case "tag":
            return _tag(given.tag, f"{path}.tag")
        case "time":
            return _time(given.time, f"{path}.time")
        case "number":
            return _number(given.number, f"{path}.number")
        case "exists":
            return _exists(given.exists, f"{path}.exists")
        case "untrusted":
            return Untrusted(given.untrusted)
        case _:
            return Pinned(given.pinned)


def _tag(given: pb.TagCondition, path: str) -> AnyOf | AllOf | Prefix:
    field = _tag_field(given.field, f"{path}.field")
    match given.WhichOneof("match"):
        case "equals":
            return AnyOf(field, (_value(given.equals, f"{path}.equals"),))
        case "any_of":
            return AnyOf(field, _values(given.any_of.values, f"{path}.any_of.values"))
        case "all_of":
            return AllOf(field, _values(given.all_of.values, f"{path}.all_of.values"))
        case "prefix":
            return _prefix(field, given.prefix, f"{path}.prefix")
        case _:
            raise InvalidField(path, "needs one of equals, any_of, all_of, prefix")


def _prefix(field: TagField, value: str, path: str) -> Prefix:
    if field in _WITHOUT_PREFIXES:
        raise InvalidField(path, "is not for this field")
    if len(_value(value, path)) > MAX_PREFIX:
        raise InvalidField(path, f"is longer than {MAX_PREFIX} characters")
    return Prefix(field, value)


def _values(values: Sequence[str], path: str) -> tuple[str, ...]:
    fields.size(values, path, least=1, most=MAX_VALUES)
    return tuple(dict.fromkeys(_value(value, f"{path}[{i}]") for i, value in enumerate(values)))


def _value(value: str, path: str) -> str:
    return fields.name(value, path, required=True)


def _time(given: pb.TimeRange, path: str) -> TimeRange:
    field = _time_field(given.field, f"{path}.field")
    start = fields.micros(given.start, f"{path}.start") if given.HasField("start") else None
    end = fields.micros(given.end, f"{path}.end") if given.HasField("end") else None
    if start is None and end is None:
        raise InvalidField(path, "needs a start or an end")
    return TimeRange(field, start, end)


def _number(given: pb.NumberCondition, path: str) -> NumberRange:
    if given.field not in _NUMBERS:
        raise InvalidField(f"{path}.field", "is required")
    low, high = bounds(given.range, f"{path}.range")
    # A confidence is from 0 to 1; the engine refuses ranges from infinity on, and up to minus it.
    low = None if low is None else min(low, 2.0)
    high = None if high is None else max(high, -1.0)
    # The field is a float, so that 0.9 is another number there than in a double.
    return NumberRange(_NUMBERS[given.field], _as_float(low), _as_float(high))


def _exists(given: pb.Presence, path: str) -> Has:
    match given.WhichOneof("field"):
        case "tag":
            return Has(_tag_field(given.tag, f"{path}.tag"))
        case "time":
            return Has(_time_field(given.time, f"{path}.time"))
        case _:
            raise InvalidField(path, "needs one of tag, time")


def _tag_field(value: pb.TagField.ValueType, path: str) -> TagField:
    if value not in _TAGS:
        raise InvalidField(path, "is required")
    return _TAGS[value]


def _time_field(value: pb.TimeField.ValueType, path: str) -> TimeField:
    if value not in _TIMES:
        raise InvalidField(path, "is required")
    return _TIMES[value]


def _as_float(value: float | None) -> float | None:
    return value if value is None else ctypes.c_float(value).value
