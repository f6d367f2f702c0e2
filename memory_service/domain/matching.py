"""What a filter means, in plain Python: the engine's answers are held against it."""

from __future__ import annotations

from memory_service.domain.filters import (
    AllOf,
    AnyOf,
    Condition,
    Filter,
    Has,
    MetadataAnyOf,
    MetadataCondition,
    MetadataHas,
    MetadataIs,
    MetadataRange,
    NumberField,
    NumberRange,
    Pinned,
    Prefix,
    TagField,
    TimeField,
    TimeRange,
    Untrusted,
)
from memory_service.domain.memory import Memory
from memory_service.domain.metadata import Leaf, leaves
from memory_service.domain.search import View


def matches(condition: Condition, memory: Memory) -> bool:
    """Tell whether `memory` is as `condition`, which may be a whole filter, says."""
    match condition:
        case Filter():
            return _matches_all_parts(condition, memory)
        case MetadataHas() | MetadataAnyOf() | MetadataIs() | MetadataRange():
            return any(_leaf_matches(condition, leaf) for leaf in leaves(memory.metadata))
        case TimeRange(field, start, end):
            time = times(memory)[field]
            after = time is not None and (start is None or start <= time)
            return after and (time is None or end is None or time < end)
        case NumberRange(field, low, high):
            return _within(numbers(memory)[field], low, high)
        case Pinned(wanted) | Untrusted(wanted):
            marked = memory.pinned if isinstance(condition, Pinned) else memory.untrusted
            return marked == wanted
        case _:
            return _field_matches(condition, memory)


def in_view(memory: Memory, view: View) -> bool:
    """Tell whether `memory` counts at the times that the view names."""
    known = view.known
    stored = known is None or memory.created <= known
    begun = view.true is None or memory.valid_from is None or memory.valid_from <= view.true
    superseded = memory.superseded is not None and (known is None or memory.superseded <= known)
    in_place = view.current is None or not superseded
    end = None if memory.end_learned and not superseded else memory.valid_to
    goes_on = all(time is None or end is None or time < end for time in (view.true, view.current))
    return stored and begun and in_place and goes_on


def tags(memory: Memory) -> dict[TagField, tuple[str, ...]]:
    """Return the values that a memory has in each field."""
    return {
        TagField.ID: (memory.id,),
        TagField.SESSION_ID: tuple(source.session_id for source in memory.sources),
        TagField.TYPE: (memory.type.value,),
        TagField.TOPIC: memory.topics,
        TagField.ENTITY: (*(entity.name for entity in memory.entities), *_speaker(memory)),
        TagField.ENTITY_KIND: tuple(entity.kind for entity in memory.entities if entity.kind),
        TagField.MESSAGE_ID: tuple(s.message_id for s in memory.sources if s.message_id),
        TagField.EXTRACTOR: (memory.extractor,) if memory.extractor else (),
        TagField.SLOT: (memory.slot,) if memory.slot else (),
    }


def _speaker(memory: Memory) -> tuple[str, ...]:
    return (memory.turn.speaker,) if memory.turn and memory.turn.speaker else ()


def times(memory: Memory) -> dict[TimeField, int | None]:
    """Return the times of a memory in microseconds, None where one is not known."""
    return {
        TimeField.EVENT_TIME: memory.event_time.micros if memory.event_time else None,
        TimeField.CREATE_TIME: memory.created,
        TimeField.UPDATE_TIME: memory.updated,
        TimeField.VALID_FROM: memory.valid_from,
        TimeField.VALID_TO: memory.valid_to,
        TimeField.SUPERSEDE_TIME: memory.superseded,
    }


def numbers(memory: Memory) -> dict[NumberField, float]:
    """Return the numbers of a memory."""
    return {NumberField.CONFIDENCE: memory.confidence}


def _matches_all_parts(filter_: Filter, memory: Memory) -> bool:
    return (
        all(matches(inner, memory) for inner in filter_.must)
        and (not filter_.should or any(matches(inner, memory) for inner in filter_.should))
        and not any(matches(inner, memory) for inner in filter_.must_not)
    )


def _field_matches(condition: AnyOf | AllOf | Prefix | Has, memory: Memory) -> bool:
    match condition:
        case AnyOf(field, values):
            return not set(values).isdisjoint(tags(memory)[field])
        case AllOf(field, values):
            return set(values) <= set(tags(memory)[field])
        case Prefix(field, value):
            return any(tag.startswith(value) for tag in tags(memory)[field])
        case Has(field):
            return _has(memory, field)


def _has(memory: Memory, field: TagField | TimeField) -> bool:
    if isinstance(field, TimeField):
        return times(memory)[field] is not None
    return bool(tags(memory)[field])


def _leaf_matches(condition: MetadataCondition, leaf: Leaf) -> bool:
    path, value = leaf.path, leaf.value
    match condition:
        case MetadataHas(wanted):
            return path[: len(wanted)] == wanted
        case MetadataAnyOf(wanted, values):
            return path == wanted and isinstance(value, str) and value in values
        case MetadataIs(wanted, truth):
            return path == wanted and value is truth
        case MetadataRange(wanted, low, high):
            return path == wanted and isinstance(value, float) and _within(value, low, high)


def _within(value: float, low: float | None, high: float | None) -> bool:
    return (low is None or low <= value) and (high is None or value <= high)
