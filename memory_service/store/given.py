"""A memory that a caller put into a session, as one entry of a stream, and back."""

from __future__ import annotations

import json
from collections.abc import Mapping

from memory_service.domain.memory import MemoryType, NewMemory, Source
from memory_service.domain.owner import SessionRef
from memory_service.store import records


def encode(memory: NewMemory) -> str:
    """Return the entry's field `memory`: JSON of what the caller gave."""
    body = {
        "id": memory.id,
        "text": memory.text,
        "type": memory.type.value,
        "topics": memory.topics,
        "entities": records.pack_entities(memory.entities),
        "event_time": records.pack_event_time(memory.event_time),
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
    return NewMemory(
        id=body["id"],
        text=body["text"],
        type=MemoryType(body["type"]),
        topics=tuple(body["topics"]),
        entities=records.unpack_entities(body["entities"]),
        event_time=records.unpack_event_time(body["event_time"]),
        sources=(Source(ref.session_id, ""),),
        metadata=body["metadata"],
        pinned=body["pinned"],
        valid_from=body["valid_from"],
        valid_to=body["valid_to"],
        slot=body.get("slot", ""),
    )
