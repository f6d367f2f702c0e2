"""A memory as fields of a Redis hash, and back.

`body` is JSON and holds all that is ever returned; every other field is there for the index alone
(see schema.py). `vector` and `embedded` come and go without the body changing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from memory_service.domain.lexical import terms
from memory_service.domain.memory import (
    Entity,
    EventTime,
    Memory,
    MemoryType,
    Precision,
    Source,
)
from memory_service.domain.owner import Owner
from memory_service.store.keys import owner_tag
from memory_service.store.tags import join_tags

BODY = "body"
EMBEDDED = "embedded"
OWNER = "owner"
VECTOR = "vector"
RETURNED = (BODY, EMBEDDED, OWNER)
"""What a reader of the index asks for, to decode a memory."""

_OPTIONAL = ("topic", "entity", "session", "event_time", "terms")
"""What not every memory has."""


def encode(memory: Memory, vector: bytes | None) -> dict[str, str | bytes]:
    """Return the fields of the hash at the memory's key."""
    fields: dict[str, str | bytes] = {
        BODY: json.dumps(_values(memory), ensure_ascii=False, separators=(",", ":")),
        OWNER: owner_tag(memory.owner),
        "type": memory.type.value,
        "id": join_tags([memory.id]),
        "topic": join_tags(memory.topics),
        "entity": join_tags([entity.name for entity in memory.entities]),
        "session": join_tags(sorted({source.session_id for source in memory.sources})),
        "created": str(memory.created),
        "updated": str(memory.updated),
        "terms": " ".join(terms(memory.text)),
    }
    if memory.event_time is not None:
        fields["event_time"] = str(memory.event_time.micros)
    if vector is not None:
        fields |= {VECTOR: vector, EMBEDDED: "1"}
    return {name: value for name, value in fields.items() if value}


def left_out(fields: Mapping[str, str | bytes], *, new_text: bool) -> list[str]:
    """Return the fields that `encode` left out and that must not stay from before.

    A vector goes with a text, not with the rest.
    """
    stale = (*_OPTIONAL, *((VECTOR, EMBEDDED) if new_text else ()))
    return [name for name in stale if name not in fields]


def decode(owner: Owner, fields: Mapping[bytes, bytes]) -> Memory:
    """Return the memory whose hash has these fields (at least RETURNED without OWNER)."""
    return _memory(owner, json.loads(fields[BODY.encode()]), EMBEDDED.encode() in fields)


def pack_memory(memory: Memory) -> list[Any]:
    """Return a memory as a JSON value, for the answer to a request."""
    return [_values(memory), memory.embedded]


def unpack_memory(owner: Owner, packed: list[Any]) -> Memory:
    """Undo `pack_memory`."""
    return _memory(owner, *packed)


def _memory(owner: Owner, body: dict[str, Any], embedded: bool) -> Memory:
    event_time = body["event_time"]
    return Memory(
        owner=owner,
        id=body["id"],
        text=body["text"],
        type=MemoryType(body["type"]),
        topics=tuple(body["topics"]),
        entities=tuple(Entity(name, kind) for name, kind in body["entities"]),
        event_time=EventTime(event_time[0], Precision(event_time[1])) if event_time else None,
        sources=tuple(Source(*source) for source in body["sources"]),
        confidence=body["confidence"],
        extractor=body["extractor"],
        embedded=embedded,
        created=body["created"],
        updated=body["updated"],
        revision=body["revision"],
        metadata=body.get("metadata", ""),
        pinned=body.get("pinned", False),
    )


def _values(memory: Memory) -> dict[str, Any]:
    event_time = memory.event_time
    values: dict[str, Any] = {
        "id": memory.id,
        "text": memory.text,
        "type": memory.type.value,
        "topics": memory.topics,
        "entities": [(entity.name, entity.kind) for entity in memory.entities],
        "event_time": (event_time.micros, event_time.precision.value) if event_time else None,
        "sources": [(s.session_id, s.message_id, s.start, s.end) for s in memory.sources],
        "confidence": memory.confidence,
        "extractor": memory.extractor,
        "created": memory.created,
        "updated": memory.updated,
        "revision": memory.revision,
    }
    if memory.metadata:
        values["metadata"] = memory.metadata
    if memory.pinned:
        values["pinned"] = True
    return values
