"""A memory as fields of a Redis hash, and back.

`body` is JSON and holds all that is ever returned; every other field is there for the index alone
(see schema.py). Vectors (see spaces.py) come and go without the body changing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import starmap
from typing import Any

from memory_service.domain.conversation import search_terms
from memory_service.domain.lexical import indexed_terms
from memory_service.domain.matching import tags
from memory_service.domain.memory import (
    Entity,
    EventTime,
    Memory,
    MemoryType,
    Precision,
    Source,
    Turn,
    embedded_text,
)
from memory_service.domain.metadata import leaves
from memory_service.domain.owner import Owner
from memory_service.domain.search import Found
from memory_service.domain.session import Role
from memory_service.domain.signals import signals_of
from memory_service.store import signals
from memory_service.store.keys import owner_tag
from memory_service.store.metadata_tags import metadata_tags
from memory_service.store.prefixes import prefix_tags
from memory_service.store.spaces import EMBEDDED, FIRST, Space
from memory_service.store.tags import ENDED, YES, join_tags, joined

BODY = "body"
OWNER = "owner"
SIGNALS = "signals"
RAW_ID = "raw_id"
TERMS = "terms"
RETURNED = (BODY, EMBEDDED, OWNER)
"""What a reader of the index asks for, to decode a memory."""

RANKED = (*RETURNED, RAW_ID, TERMS, SIGNALS)
"""What a reader asks for who ranks memories first, and decodes those that are shown."""

_BODY, _OWNER, _RAW_ID, _TERMS, _SIGNALS = (
    name.encode() for name in (BODY, OWNER, RAW_ID, TERMS, SIGNALS)
)

_OPTIONAL = (
    *("topic", "entity", "kind", "session", "message", "extractor", "pinned", "superseded"),
    *("event_time", "valid_from", "valid_to", "superseded_at", "terms", "meta"),
    *("slot", "untrusted"),
)
"""What not every memory has."""


_TYPES = {type_.value: type_ for type_ in MemoryType}


def encode(memory: Memory, vector: bytes | None, space: Space = FIRST) -> dict[str, str | bytes]:
    """Return the fields of the hash at the memory's key, with a vector of this space."""
    fields: dict[str, str | bytes] = {
        BODY: json.dumps(_values(memory), ensure_ascii=False, separators=(",", ":")),
        **{name: value for name, value in _indexed(memory).items() if value},
    }
    if vector is not None:
        fields |= {space.vector_field: vector, space.embedded_field: YES}
    return fields


def _indexed(memory: Memory) -> dict[str, str | bytes]:
    """Return what the index holds of a memory, by the names in schema.py; empty for nothing."""
    values = tags(memory)
    own = indexed_terms(memory.text)
    prefixes = (tag for field, of_it in values.items() for tag in prefix_tags(field, of_it))
    return {
        OWNER: owner_tag(memory.owner),
        RAW_ID: memory.id,
        **{field.value: join_tags(of_it) for field, of_it in values.items()},
        "prefix": joined(prefixes),
        "meta": joined(metadata_tags(leaves(memory.metadata))),
        "pinned": YES if memory.pinned else "",
        "untrusted": YES if memory.untrusted else "",
        "superseded": _superseded(memory),
        "confidence": str(memory.confidence),
        "created": str(memory.created),
        "updated": str(memory.updated),
        "event_time": _number(memory.event_time.micros if memory.event_time else None),
        "valid_from": _number(memory.valid_from),
        "valid_to": _number(memory.valid_to),
        "superseded_at": _number(memory.superseded),
        TERMS: " ".join(search_terms(memory, own)),
        SIGNALS: signals.encode(memory, own),
    }


def _superseded(memory: Memory) -> str:
    if memory.current:
        return ""
    return joined((YES, ENDED)) if memory.end_learned else YES


def embedded_text_of(body: bytes) -> str:
    """Return what the vector of the memory with this body is made of."""
    values = json.loads(body)
    return embedded_text(values["text"], _unpack_turn(values.get("turn")))


def _is_default(value: object) -> bool:
    # 0 is a time like any other.
    return value is None or value is False or value in ("", ())


def _number(value: int | None) -> str:
    return "" if value is None else str(value)


def left_out(fields: Mapping[str, str | bytes]) -> list[str]:
    """Return the fields that `encode` left out and that must not stay from before.

    Not the vectors: they go with the text, and are not known here in all spaces.
    """
    return [name for name in _OPTIONAL if name not in fields]


def decode(owner: Owner, fields: Mapping[bytes, bytes]) -> Memory:
    """Return the memory whose hash has these fields (at least RETURNED without OWNER)."""
    return _memory(owner, json.loads(fields[BODY.encode()]), EMBEDDED.encode() in fields)


def found(owner: Owner, fields: Mapping[bytes, bytes], raw: float) -> Found:
    """Return what ranking looks at in the memory whose hash has these fields, at least RANKED."""
    seen = fields.get(_SIGNALS)
    return Found(
        (fields[_OWNER].decode(), fields[_RAW_ID].decode()),
        raw,
        fields.get(_TERMS, b"").decode().split(),
        signals.decode(seen) if seen else signals_of(decode(owner, fields)),
        (owner, fields),
    )


def stored_bytes(found: Found) -> int:
    """Return how many bytes are stored of the memory that was found."""
    return len(found.stored[1][_BODY])


def shown(found: Found) -> Memory:
    """Return the memory that was found."""
    return decode(*found.stored)


def pack_memory(memory: Memory) -> list[Any]:
    """Return a memory as a JSON value, for the answer to a request."""
    return [_values(memory), memory.embedded]


def unpack_memory(owner: Owner, packed: list[Any]) -> Memory:
    """Undo `pack_memory`."""
    return _memory(owner, *packed)


def pack_entities(entities: Sequence[Entity]) -> list[tuple[str, str]]:
    """Return entities as a JSON value."""
    return [(entity.name, entity.kind) for entity in entities]


def unpack_entities(packed: Sequence[Sequence[str]]) -> tuple[Entity, ...]:
    """Undo `pack_entities`."""
    return tuple(starmap(Entity, packed))


def pack_event_time(event_time: EventTime | None) -> tuple[int | str, ...] | None:
    """Return an event time as a JSON value."""
    if event_time is None:
        return None
    known = (event_time.micros, event_time.precision.value)
    return (*known, event_time.zone) if event_time.zone else known


def unpack_event_time(packed: Sequence[Any] | None) -> EventTime | None:
    """Undo `pack_event_time`."""
    if not packed:
        return None
    micros, precision, *zone = packed
    return EventTime(micros, Precision(precision), *zone)


def _pack_turn(turn: Turn | None) -> tuple[int, str, str, str] | None:
    return (turn.sequence, turn.role.value, turn.speaker, turn.preceding) if turn else None


def _unpack_turn(packed: Sequence[Any] | None) -> Turn | None:
    if not packed:
        return None
    sequence, role, speaker, preceding = packed
    return Turn(sequence, Role(role), speaker, preceding)


def _memory(owner: Owner, body: dict[str, Any], embedded: bool) -> Memory:
    return Memory(
        owner=owner,
        id=body["id"],
        text=body["text"],
        type=_TYPES[body["type"]],
        topics=tuple(body["topics"]),
        entities=unpack_entities(body["entities"]),
        event_time=unpack_event_time(body["event_time"]),
        sources=tuple(starmap(Source, body["sources"])),
        confidence=body["confidence"],
        extractor=body["extractor"],
        embedded=embedded,
        created=body["created"],
        updated=body["updated"],
        revision=body["revision"],
        metadata=body.get("metadata", ""),
        pinned=body.get("pinned", False),
        valid_from=body.get("valid_from"),
        valid_to=body.get("valid_to"),
        supersedes=tuple(body.get("supersedes", ())),
        superseded_by=body.get("superseded_by", ""),
        superseded=body.get("superseded"),
        supersede_reason=body.get("supersede_reason", ""),
        end_learned=body.get("end_learned", False),
        slot=body.get("slot", ""),
        mentioned=body.get("mentioned"),
        mentioned_again=body.get("mentioned_again"),
        untrusted=body.get("untrusted", False),
        contradicts=tuple(body.get("contradicts", ())),
        turn=_unpack_turn(body.get("turn")),
    )


def _values(memory: Memory) -> dict[str, Any]:
    values: dict[str, Any] = {
        "id": memory.id,
        "text": memory.text,
        "type": memory.type.value,
        "topics": memory.topics,
        "entities": pack_entities(memory.entities),
        "event_time": pack_event_time(memory.event_time),
        "sources": [_source(source) for source in memory.sources],
        "confidence": memory.confidence,
        "extractor": memory.extractor,
        "created": memory.created,
        "updated": memory.updated,
        "revision": memory.revision,
    }
    optional: dict[str, Any] = {
        "metadata": memory.metadata,
        "pinned": memory.pinned,
        "valid_from": memory.valid_from,
        "valid_to": memory.valid_to,
        "supersedes": memory.supersedes,
        "superseded_by": memory.superseded_by,
        "superseded": memory.superseded,
        "supersede_reason": memory.supersede_reason,
        "end_learned": memory.end_learned,
        "slot": memory.slot,
        "mentioned": memory.mentioned,
        "mentioned_again": memory.mentioned_again,
        "untrusted": memory.untrusted,
        "contradicts": memory.contradicts,
        "turn": _pack_turn(memory.turn),
    }
    given = {name: value for name, value in optional.items() if not _is_default(value)}
    return values | given


def _source(source: Source) -> tuple[str | int, ...]:
    said = () if source.said is None else (source.said,)
    return (source.session_id, source.message_id, source.start, source.end, *said)
