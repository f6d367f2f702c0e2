"""Long-term memories."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from agentmemory.v1 import extractor_service_pb2 as extractor_pb
from agentmemory.v1 import memory_pb2 as pb
from agentmemory.v1 import memory_service_pb2 as service_pb
from google.protobuf.timestamp_pb2 import Timestamp

from memory_service.domain.changes import Cause, Earlier
from memory_service.domain.errors import InvalidField
from memory_service.domain.memory import (
    Entity,
    EventTime,
    Memory,
    MemoryType,
    NewMemory,
    Precision,
    Source,
    ends_before_it_begins,
)
from memory_service.domain.owner import Owner, OwnerKind
from memory_service.translate import fields, scopes, structs, turns

MAX_MEMORIES = 128
MAX_TEXT = 8 * 1024
MAX_STORED = 256 * 1024
MAX_TAGS = 32
MAX_METADATA = 16 * 1024
MAX_SUPERSEDED = 32
MAX_SUPERSEDED_IN_ALL = 256

_TYPES = {
    pb.MEMORY_TYPE_SEMANTIC: MemoryType.SEMANTIC,
    pb.MEMORY_TYPE_EPISODIC: MemoryType.EPISODIC,
    pb.MEMORY_TYPE_MESSAGE: MemoryType.MESSAGE,
}
_TYPES_OUT = {type_: value for value, type_ in _TYPES.items()}
_PRECISIONS = {
    pb.TIME_PRECISION_YEAR: Precision.YEAR,
    pb.TIME_PRECISION_MONTH: Precision.MONTH,
    pb.TIME_PRECISION_WEEK: Precision.WEEK,
    pb.TIME_PRECISION_DAY: Precision.DAY,
    pb.TIME_PRECISION_MINUTE: Precision.MINUTE,
}
_PRECISIONS_OUT = {precision: value for value, precision in _PRECISIONS.items()}


def from_protos(memories: Sequence[pb.Memory]) -> list[NewMemory]:
    """Return what a caller wants stored."""
    fields.size(memories, "memories", least=1, most=MAX_MEMORIES)
    if sum(len(memory.supersedes) for memory in memories) > MAX_SUPERSEDED_IN_ALL:
        raise InvalidField("memories", f"supersede more than {MAX_SUPERSEDED_IN_ALL} in all")
    return [new_from_proto(memory, f"memories[{i}]") for i, memory in enumerate(memories)]


def new_from_proto(memory: pb.Memory, path: str) -> NewMemory:
    """Return one memory that a caller wants stored."""
    new = NewMemory(
        id=fields.identifier(memory.id, f"{path}.id"),
        text=_text(memory.text, f"{path}.text"),
        type=_type(memory.type, f"{path}.type"),
        topics=_topics(memory.topics, f"{path}.topics"),
        entities=_entities(memory.entities, f"{path}.entities"),
        event_time=_event_time(memory, f"{path}.event_time"),
        metadata=_metadata(memory, f"{path}.metadata"),
        pinned=memory.pinned,
        valid_from=_valid_from(memory, f"{path}.valid_from"),
        valid_to=_valid_to(memory, f"{path}.valid_to"),
        supersedes=_supersedes(memory.supersedes, f"{path}.supersedes"),
        supersede_reason=_reason(memory, f"{path}.supersede_reason"),
        slot=fields.name(memory.slot, f"{path}.slot"),
    )
    if ends_before_it_begins(new):
        raise InvalidField(f"{path}.valid_to", "must be after valid_from")
    return new


def _text(value: str, path: str) -> str:
    return fields.text(value, path, max_bytes=MAX_TEXT, required=True)


def _type(value: pb.MemoryType.ValueType, path: str) -> MemoryType:
    if value == pb.MEMORY_TYPE_UNSPECIFIED:
        return MemoryType.SEMANTIC
    if value == pb.MEMORY_TYPE_MESSAGE:
        raise InvalidField(path, "MESSAGE is written by the service alone")
    if value not in _TYPES:
        raise InvalidField(path, "is unknown")
    return _TYPES[value]


def _topics(topics: Sequence[str], path: str) -> tuple[str, ...]:
    fields.size(topics, path, most=MAX_TAGS)
    return tuple(
        dict.fromkeys(
            fields.name(topic, f"{path}[{i}]", required=True) for i, topic in enumerate(topics)
        )
    )


def _entities(entities: Sequence[pb.Entity], path: str) -> tuple[Entity, ...]:
    fields.size(entities, path, most=MAX_TAGS)
    for i, entity in enumerate(entities):
        fields.name(entity.name, f"{path}[{i}].name", required=True)
        fields.name(entity.kind, f"{path}[{i}].kind")
    return entities_from_proto(entities)


def _event_time(memory: pb.Memory, path: str) -> EventTime | None:
    if not memory.HasField("event_time"):
        return None
    if not memory.event_time.HasField("time"):
        raise InvalidField(f"{path}.time", "is required")
    micros = fields.micros(memory.event_time.time, f"{path}.time")
    precision = memory.event_time.precision
    if precision not in (*_PRECISIONS, pb.TIME_PRECISION_UNSPECIFIED):
        raise InvalidField(f"{path}.precision", "is unknown")
    zone = fields.time_zone(memory.event_time.time_zone, f"{path}.time_zone")
    return EventTime(micros, _PRECISIONS.get(precision, Precision.MINUTE), zone)


def _valid_from(memory: pb.Memory, path: str) -> int | None:
    return fields.micros(memory.valid_from, path) if memory.HasField("valid_from") else None


def _valid_to(memory: pb.Memory, path: str) -> int | None:
    return fields.micros(memory.valid_to, path) if memory.HasField("valid_to") else None


def _supersedes(ids: Sequence[str], path: str) -> tuple[str, ...]:
    fields.size(ids, path, most=MAX_SUPERSEDED)
    return _ids(ids, path)


def _ids(ids: Sequence[str], path: str) -> tuple[str, ...]:
    named = [fields.identifier(id_, f"{path}[{i}]", required=True) for i, id_ in enumerate(ids)]
    return tuple(dict.fromkeys(named))


def _reason(memory: pb.Memory, path: str) -> str:
    if memory.supersede_reason and not memory.supersedes:
        raise InvalidField(path, "goes with supersedes")
    return fields.name(memory.supersede_reason, path)


def _metadata(memory: pb.Memory, path: str) -> str:
    if not memory.HasField("metadata"):
        return ""
    return structs.to_json(memory.metadata, path, max_bytes=MAX_METADATA)


_UPDATABLE: dict[str, Callable[[pb.Memory, str], Any]] = {
    "text": lambda memory, path: _text(memory.text, path),
    "type": lambda memory, path: _type(memory.type, path),
    "topics": lambda memory, path: _topics(memory.topics, path),
    "entities": lambda memory, path: _entities(memory.entities, path),
    "event_time": _event_time,
    "metadata": _metadata,
    "pinned": lambda memory, _: memory.pinned,
    "valid_from": _valid_from,
    "valid_to": _valid_to,
    "slot": lambda memory, path: fields.name(memory.slot, path),
}
"""How each field that an update may name is read; a memory has the same names in the domain."""


def values_from_proto(memory: pb.Memory, paths: Sequence[str]) -> dict[str, Any]:
    """Return the values that an update gives the fields named by `paths`."""
    if not paths:
        raise InvalidField("update_mask", "is required")
    for i, path in enumerate(paths):
        if path not in _UPDATABLE:
            raise InvalidField(f"update_mask.paths[{i}]", "is no field that can be changed")
    return {path: _UPDATABLE[path](memory, f"memory.{path}") for path in paths}


def types_from_protos(
    types: Sequence[pb.MemoryType.ValueType], path: str
) -> tuple[MemoryType, ...]:
    """Return the types that a search or list asks for; facts if none is named."""
    fields.size(types, path, most=16)
    for i, value in enumerate(types):
        if value not in _TYPES:
            raise InvalidField(f"{path}[{i}]", "is unknown")
    named = tuple(dict.fromkeys(_TYPES[value] for value in types))
    return named or (MemoryType.SEMANTIC, MemoryType.EPISODIC)


def type_from_proto(value: pb.MemoryType.ValueType) -> MemoryType:
    """Return the type of an extracted memory."""
    return _TYPES.get(value, MemoryType.SEMANTIC)


def type_to_proto(type_: MemoryType) -> pb.MemoryType.ValueType:
    """Return a type as callers see it."""
    return _TYPES_OUT[type_]


def entities_from_proto(entities: Iterable[pb.Entity]) -> tuple[Entity, ...]:
    """Return entities, each once."""
    return tuple(dict.fromkeys(Entity(entity.name, entity.kind) for entity in entities))


def event_time_from_proto(item: extractor_pb.ExtractedMemory) -> EventTime | None:
    """Return when an extracted memory happened."""
    if not item.HasField("event_time"):
        return None
    micros = fields.micros(item.event_time.time, "event_time")
    zone = fields.time_zone(item.event_time.time_zone, "event_time.time_zone")
    return EventTime(micros, _PRECISIONS.get(item.event_time.precision, Precision.MINUTE), zone)


def to_proto(memory: Memory) -> pb.Memory:
    """Return a memory as callers see it."""
    event_time = memory.event_time
    return pb.Memory(
        id=memory.id,
        scope=scopes.to_proto(memory.owner, memory.sources[0].session_id if memory.sources else ""),
        shared=memory.owner.kind is OwnerKind.SHARED,
        text=memory.text,
        type=type_to_proto(memory.type),
        topics=memory.topics,
        entities=[pb.Entity(name=e.name, kind=e.kind) for e in memory.entities],
        event_time=event_time_to_proto(event_time) if event_time else None,
        create_time=fields.timestamp(memory.created),
        update_time=fields.timestamp(memory.updated),
        etag=memory.etag,
        revision=memory.revision,
        sources=[
            pb.Source(session_id=s.session_id, message_id=s.message_id, start=s.start, end=s.end)
            for s in memory.sources
        ],
        confidence=memory.confidence,
        extractor=memory.extractor,
        embedding_state=(
            pb.EMBEDDING_STATE_READY if memory.embedded else pb.EMBEDDING_STATE_PENDING
        ),
        metadata=structs.from_json(memory.metadata) if memory.metadata else None,
        pinned=memory.pinned,
        valid_from=_moment(memory.valid_from),
        valid_to=_moment(memory.valid_to),
        supersedes=memory.supersedes,
        superseded_by=memory.superseded_by,
        supersede_time=_moment(memory.superseded),
        supersede_reason=memory.supersede_reason,
        end_learned=memory.end_learned,
        slot=memory.slot,
        mention_time=fields.timestamp(memory.first_said),
        last_mention_time=fields.timestamp(memory.last_said),
        untrusted=memory.untrusted,
        contradicts=memory.contradicts,
        turn=turns.to_proto(memory.turn) if memory.turn else None,
    )


def _moment(micros: int | None) -> Timestamp | None:
    return None if micros is None else fields.timestamp(micros)


_CAUSES = {
    Cause.UPDATE: service_pb.REVISION_CAUSE_UPDATE,
    Cause.DELETE: service_pb.REVISION_CAUSE_DELETE,
    Cause.MERGE: service_pb.REVISION_CAUSE_MERGE,
    Cause.RESTORE: service_pb.REVISION_CAUSE_RESTORE,
    Cause.SUPERSEDE: service_pb.REVISION_CAUSE_SUPERSEDE,
    Cause.FORGET: service_pb.REVISION_CAUSE_FORGET,
}


_CAUSES_IN = {value: cause for cause, value in _CAUSES.items()}


def earlier_to_proto(earlier: Earlier) -> service_pb.MemoryRevision:
    """Return an earlier state of a memory; whether it was embedded is not told."""
    memory = to_proto(earlier.memory)
    memory.ClearField("embedding_state")
    return service_pb.MemoryRevision(
        memory=memory,
        replace_time=fields.timestamp(earlier.replaced),
        cause=_CAUSES[earlier.cause],
    )


def stored_from_proto(memory: pb.Memory, path: str, owner: Owner) -> Memory:
    """Return a memory that `to_proto` gave, as one of this owner; revision and vector are new.

    What the extractor has found may be longer than what callers may write.
    """
    for name in ("create_time", "update_time"):
        if not memory.HasField(name):
            raise InvalidField(f"{path}.{name}", "is required")
    superseded = _superseded(memory, f"{path}.supersede_time")
    return Memory(
        owner=owner,
        id=fields.identifier(memory.id, f"{path}.id", required=True),
        text=fields.text(memory.text, f"{path}.text", max_bytes=MAX_STORED, required=True),
        type=_stored_type(memory.type, f"{path}.type"),
        topics=tuple(memory.topics),
        entities=tuple(Entity(entity.name, entity.kind) for entity in memory.entities),
        event_time=_event_time(memory, f"{path}.event_time"),
        sources=_sources(memory.sources, f"{path}.sources"),
        confidence=_confidence(memory.confidence, f"{path}.confidence"),
        extractor=fields.name(memory.extractor, f"{path}.extractor"),
        embedded=False,
        created=fields.micros(memory.create_time, f"{path}.create_time"),
        updated=fields.micros(memory.update_time, f"{path}.update_time"),
        revision=0,
        metadata=_metadata(memory, f"{path}.metadata"),
        pinned=memory.pinned,
        valid_from=_valid_from(memory, f"{path}.valid_from"),
        valid_to=_valid_to(memory, f"{path}.valid_to"),
        supersedes=_ids(memory.supersedes, f"{path}.supersedes"),
        superseded_by=fields.identifier(memory.superseded_by, f"{path}.superseded_by"),
        superseded=superseded,
        supersede_reason=fields.name(memory.supersede_reason, f"{path}.supersede_reason"),
        end_learned=memory.end_learned,
        slot=fields.name(memory.slot, f"{path}.slot"),
        mentioned=_said(memory, "mention_time", path),
        mentioned_again=_said(memory, "last_mention_time", path),
        untrusted=memory.untrusted,
        contradicts=_ids(memory.contradicts, f"{path}.contradicts"),
        turn=turns.of_stored(memory, f"{path}.turn"),
    )


def _said(memory: pb.Memory, name: str, path: str) -> int | None:
    if not memory.HasField(name):  # type: ignore[arg-type]
        return None
    return fields.micros(getattr(memory, name), f"{path}.{name}")


def earlier_from_proto(revision: service_pb.MemoryRevision, path: str, owner: Owner) -> Earlier:
    """Undo `earlier_to_proto`, for this owner."""
    if revision.cause not in _CAUSES_IN:
        raise InvalidField(f"{path}.cause", "is required")
    if not revision.HasField("replace_time"):
        raise InvalidField(f"{path}.replace_time", "is required")
    return Earlier(
        stored_from_proto(revision.memory, f"{path}.memory", owner),
        fields.micros(revision.replace_time, f"{path}.replace_time"),
        _CAUSES_IN[revision.cause],
    )


def _stored_type(value: pb.MemoryType.ValueType, path: str) -> MemoryType:
    return MemoryType.MESSAGE if value == pb.MEMORY_TYPE_MESSAGE else _type(value, path)


def _sources(sources: Sequence[pb.Source], path: str) -> tuple[Source, ...]:
    for i, source in enumerate(sources):
        at = f"{path}[{i}]"
        fields.identifier(source.session_id, f"{at}.session_id", required=True)
        fields.identifier(source.message_id, f"{at}.message_id")
        if not 0 <= source.start <= source.end:
            raise InvalidField(f"{at}.end", "must not be before the start, and neither negative")
    return tuple(Source(s.session_id, s.message_id, s.start, s.end) for s in sources)


def _confidence(value: float, path: str) -> float:
    if not 0 <= value <= 1:
        raise InvalidField(path, "must be between 0 and 1")
    return value


def _superseded(memory: pb.Memory, path: str) -> int | None:
    if not memory.HasField("supersede_time"):
        if memory.superseded_by:
            raise InvalidField(path, "goes with superseded_by")
        return None
    return fields.micros(memory.supersede_time, path)


def event_time_to_proto(event_time: EventTime) -> pb.EventTime:
    """Return an event time as callers see it."""
    return pb.EventTime(
        time=fields.timestamp(event_time.micros),
        precision=_PRECISIONS_OUT[event_time.precision],
        time_zone=event_time.zone,
    )
