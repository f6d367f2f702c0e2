"""A memory that a caller put into a session, as one entry of a stream, and back."""

from __future__ import annotations

import json
from collections.abc import Mapping

from memory_service.domain.memory import (
    Entity,
    EventTime,
    MemoryType,
    NewMemory,
    Precision,
    Source,
)
from memory_service.domain.owner import SessionRef


def encode(memory: NewMemory) -> str:
    """Return the entry's field `memory`: JSON of what the caller gave."""
    event_time = memory.event_time
    body = {
        "id": memory.id,
        "text": memory.text,
        "type": memory.type.value,
        "topics": memory.topics,
        "entities": [(entity.name, entity.kind) for entity in memory.entities],
        "event_time": (event_time.micros, event_time.precision.value) if event_time else None,
        "metadata": memory.metadata,
        "pinned": memory.pinned,
        "valid_from": memory.valid_from,
        "valid_to": memory.valid_to,
        "slot": memory.slot,
    }
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"))


def decode(ref: SessionRef, fields: Mapping[bytes, bytes]) -> NewMemory:
    """Return the memory of an entry; its one source is the session."""
    body = json.loads(fields[b"memory"])
    event_time = body["event_time"]
    return NewMemory(
        id=body["id"],
        text=body["text"],
        type=MemoryType(body["type"]),
        topics=tuple(body["topics"]),
        entities=tuple(Entity(name, kind) for name, kind in body["entities"]),
        event_time=EventTime(event_time[0], Precision(event_time[1])) if event_time else None,
        sources=(Source(ref.session_id, ""),),
        metadata=body["metadata"],
        pinned=body["pinned"],
        valid_from=body["valid_from"],
        valid_to=body["valid_to"],
        slot=body.get("slot", ""),
    )
