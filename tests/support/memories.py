"""Memories for tests of the store, written as the store writes them."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable

from redis.asyncio import Redis

from memory_service.domain.memory import Entity, EventTime, Memory, MemoryType, Precision, Source
from memory_service.domain.owner import Owner
from memory_service.store import records
from memory_service.store.keys import OwnerKeys
from tests.support.redis import DIMENSION

ALICE = Owner.user("acme", "app", "alice")
BOB = Owner.user("acme", "app", "bob")
SHARED = Owner.shared("acme", "app")


def make(
    id_: str,
    text: str = "",
    *,
    owner: Owner = ALICE,
    type_: MemoryType = MemoryType.SEMANTIC,
    topics: Iterable[str] = (),
    entities: Iterable[str] = (),
    sessions: Iterable[str] = (),
    event: int | None = None,
    created: int = 1,
    updated: int = 1,
    metadata: str = "",
) -> Memory:
    return Memory(
        owner=owner,
        id=id_,
        text=text or f"memory {id_}",
        type=type_,
        topics=tuple(topics),
        entities=tuple(Entity(name) for name in entities),
        event_time=None if event is None else EventTime(event, Precision.DAY),
        sources=tuple(Source(session, "m1") for session in sessions),
        confidence=1.0,
        extractor="",
        embedded=False,
        created=created,
        updated=updated,
        revision=1,
        metadata=metadata,
    )


def vector(*values: float) -> bytes:
    """Return these values, then zeros, as a vector of length DIMENSION."""
    padded = [*values, *([0.0] * (DIMENSION - len(values)))]
    return struct.pack(f"<{DIMENSION}f", *padded)


def at_angle(degrees: float) -> bytes:
    """Return a vector whose cosine with `vector(1)` is that of the angle."""
    return vector(math.cos(math.radians(degrees)), math.sin(math.radians(degrees)))


async def put(redis: Redis, *memories: Memory, vectors: Iterable[bytes | None] = ()) -> None:
    """Write memories, with vectors where there are any."""
    given = [*vectors, *([None] * len(memories))]
    async with redis.pipeline(transaction=False) as pipe:
        for memory, blob in zip(memories, given, strict=False):
            fields = records.encode(memory, blob)
            pipe.hset(OwnerKeys(memory.owner).memory(memory.id), items=_pairs(fields))
        await pipe.execute()


def _pairs(fields: dict[str, str | bytes]) -> list[str | bytes]:
    return [part for pair in fields.items() for part in pair]
