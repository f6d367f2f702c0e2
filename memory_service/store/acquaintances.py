"""Who is known to an owner, counted, and who was when a page of a session was begun, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgpack

from memory_service.domain.known_entities import Acquaintance, KnownEntity, foremost

FIELD = "acquaintance"
"""The field of a session's hash that has who was known, packed with MessagePack."""


def encode_counts(counts: Mapping[KnownEntity, int]) -> dict[bytes, int]:
    """Return what the script that writes memories adds to the owner's counts."""
    return {msgpack.packb(_values(entity)): count for entity, count in counts.items()}


def begun(page: int, counts: Mapping[Any, Any]) -> Acquaintance:
    """Return who is known on this page, given the owner's counts as they are stored."""
    known = {KnownEntity(*msgpack.unpackb(who)): int(number) for who, number in counts.items()}
    return Acquaintance(page, foremost(known))


def encode(acquaintance: Acquaintance) -> bytes:
    """Return the value of FIELD."""
    entities = [_values(entity) for entity in acquaintance.entities]
    packed: bytes = msgpack.packb([acquaintance.page, entities])
    return packed


def decode(value: bytes | None) -> Acquaintance | None:
    """Undo `encode`; None if nothing of the session has been extracted."""
    if not value:
        return None
    page, entities = msgpack.unpackb(value)
    return Acquaintance(page, tuple(KnownEntity(*values) for values in entities))


def _values(entity: KnownEntity) -> tuple[str, str, str, str]:
    return (entity.name, entity.kind, entity.relation, entity.of)
