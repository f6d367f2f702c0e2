"""Long-term memories."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from agentmemory.v1 import extractor_service_pb2 as extractor_pb
from agentmemory.v1 import memory_pb2 as pb
from agentmemory.v1 import memory_service_pb2 as service_pb

from memory_service.domain.changes import Earlier
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
    event_of,
)
from memory_service.domain.owner import Owner
from memory_service.translate import fields, showing, structs, turns

MAX_MEMORIES = 128
MAX_TEXT = 8 * 1024
MAX_STORED = 256 * 1024
"""The extractor may find what is longer than callers may write, and placeholders make it so."""

MAX_TAGS = 32
MAX_METADATA = 16 * 1024
MAX_SUPERSEDED = 32
MAX_SUPERSEDED_IN_ALL = 256
MAX_PATHS = 64

_TYPES = {value: type_ for type_, value in showing.TYPES.items()}
_PRECISIONS = {value: precision for precision, value in showing.PRECISIONS.items()}
_CAUSES = {value: cause for cause, value in showing.CAUSES.items()}


@dataclass(frozen=True, slots=True)
class Limits:
    """How long the text of a memory may be, in bytes, and a name in it, in characters."""

    text: int
    name: int


WRITTEN = Limits(MAX_TEXT, fields.MAX_NAME)
STORED = Limits(MAX_STORED, fields.MAX_NAME * fields.GUARDED)


def from_protos(memories: Sequence[pb.Memory]) -> list[NewMemory]:
    """Return what a caller wants stored."""
    fields.size(memories, "memories", least=1, most=MAX_MEMORIES)
    if sum(len(memory.supersedes) for memory in memories) > MAX_SUPERSEDED_IN_ALL:
        raise InvalidField("memories", f"supersede more than {MAX_SUPERSEDED_IN_ALL} in all")
    return [new_from_proto(memory, f"memories[{i}]") for i, memory in enumerate(memories)]


def new_from_proto(memory: pb.Memory, path: str, limits: Limits = WRITTEN) -> NewMemory:
    """Return one memory that a caller wants stored, or that was."""
    new = NewMemory(
        id=fields.identifier(memory.id, f"{path}.id"),
        text=_text(memory.text, f"{path}.text", limits),
        type=_type(memory.type, f"{path}.type"),
        topics=_topics(memory.topics, f"{path}.topics", limits),
        entities=_entities(memory.entities, f"{path}.entities", limits),
        event_time=_event_time(memory, f"{path}.event_time"),
        metadata=_metadata(memory, f"{path}.metadata", limits),
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


def _text(value: str, path: str, limits: Limits = WRITTEN) -> str:
    return fields.text(value, path, max_bytes=limits.text, required=True)


def _type(value: pb.MemoryType.ValueType, path: str) -> MemoryType:
    if value == pb.MEMORY_TYPE_UNSPECIFIED:
        return MemoryType.SEMANTIC
    if value == pb.MEMORY_TYPE_MESSAGE:
        raise InvalidField(path, "MESSAGE is written by the service alone")
    if value not in _TYPES:
        raise InvalidField(path, "is unknown")
    return _TYPES[value]


def _topics(topics: Sequence[str], path: str, limits: Limits = WRITTEN) -> tuple[str, ...]:
    fields.size(topics, path, most=MAX_TAGS)
    return tuple(
        dict.fromkeys(
            fields.name(topic, f"{path}[{i}]", most=limits.name, required=True)
            for i, topic in enumerate(topics)
        )
    )


def _entities(
    entities: Sequence[pb.Entity], path: str, limits: Limits = WRITTEN
) -> tuple[Entity, ...]:
    fields.size(entities, path, most=MAX_TAGS)
    for i, entity in enumerate(entities):
        fields.name(entity.name, f"{path}[{i}].name", most=limits.name, required=True)
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
    return event_of(micros, _PRECISIONS.get(precision, Precision.MINUTE), zone)


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


def _metadata(memory: pb.Memory, path: str, limits: Limits = WRITTEN) -> str:
    if not memory.HasField("metadata"):
        return ""
    stored = limits is STORED
    return structs.to_json(memory.metadata, path, max_bytes=MAX_METADATA, stored=stored)


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
    fields.size(paths, "update_mask.paths", most=MAX_PATHS)
    for i, path in enumerate(paths):
        if path not in _UPDATABLE:
            raise InvalidField(f"update_mask.paths[{i}]", "is no field that can be changed")
    return {path: _UPDATABLE[path](memory, f"memory.{path}") for path in dict.fromkeys(paths)}


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


def entities_from_proto(entities: Iterable[pb.Entity]) -> tuple[Entity, ...]:
    """Return entities, each once."""
    return tuple(dict.fromkeys(Entity(entity.name, entity.kind) for entity in entities))


def event_time_from_proto(item: extractor_pb.ExtractedMemory) -> EventTime | None:
    """Return when an extracted memory happened."""
    if not item.HasField("event_time"):
        return None
    micros = fields.micros(item.event_time.time, "event_time")
    zone = fields.time_zone(item.event_time.time_zone, "event_time.time_zone")
    return event_of(micros, _PRECISIONS.get(item.event_time.precision, Precision.MINUTE), zone)


def stored_from_proto(memory: pb.Memory, path: str, owner: Owner) -> Memory:
    """Return a memory that `showing.memory` gave, as one of this owner.

    Revision and vector are new.
    """
    for name in ("create_time", "update_time"):
        if not memory.HasField(name):
            raise InvalidField(f"{path}.{name}", "is required")
    superseded = _superseded(memory, f"{path}.supersede_time")
    return Memory(
        owner=owner,
        id=fields.identifier(memory.id, f"{path}.id", required=True),
        text=_text(memory.text, f"{path}.text", STORED),
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
        metadata=_metadata(memory, f"{path}.metadata", STORED),
        pinned=memory.pinned,
        valid_from=_valid_from(memory, f"{path}.valid_from"),
        valid_to=_valid_to(memory, f"{path}.valid_to"),
        supersedes=_ids(memory.supersedes, f"{path}.supersedes"),
        superseded_by=fields.identifier(memory.superseded_by, f"{path}.superseded_by"),
        superseded=superseded,
        supersede_reason=_stored_reason(memory, f"{path}.supersede_reason"),
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
    """Undo `showing.revision`, for this owner."""
    if revision.cause not in _CAUSES:
        raise InvalidField(f"{path}.cause", "is required")
    if not revision.HasField("replace_time"):
        raise InvalidField(f"{path}.replace_time", "is required")
    return Earlier(
        stored_from_proto(revision.memory, f"{path}.memory", owner),
        fields.micros(revision.replace_time, f"{path}.replace_time"),
        _CAUSES[revision.cause],
    )


def _stored_reason(memory: pb.Memory, path: str) -> str:
    return fields.name(memory.supersede_reason, path, most=STORED.name)


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
