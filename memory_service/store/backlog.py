"""What waits, what was given up, and how large the index is: for whoever watches the service."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis

from memory_service.store import schema
from memory_service.store.connection import store_errors
from memory_service.store.keys import PARTITIONS, PartitionKeys
from memory_service.store.queue import added_at

AT_A_TIME = 8
"""Partitions whose counts are read at once, in half a millisecond."""

_KEYS = tuple(PartitionKeys(partition) for partition in range(PARTITIONS))


@dataclass(frozen=True, slots=True)
class Backlog:
    """Counts over all partitions; `oldest` is the age of the oldest notice in seconds."""

    notices: int
    oldest: float
    dead_letters: int
    unembedded: int


async def read_backlog(redis: Redis) -> Backlog:
    """Count, some partitions at a time: reading a thousand answers would keep callers waiting."""
    with store_errors():
        seconds, micros = await redis.time()
    counts: list[Any] = []
    for first in range(0, PARTITIONS, AT_A_TIME):
        counts += await _counts(redis, _KEYS[first : first + AT_A_TIME])
    now = seconds + micros / 1_000_000
    ages = [now - added_at(entries[0][0].decode()) for entries in counts[1::4] if entries]
    return Backlog(
        notices=sum(counts[0::4]),
        oldest=max(0.0, *ages) if ages else 0.0,
        dead_letters=sum(counts[2::4]),
        unembedded=sum(counts[3::4]),
    )


async def _counts(redis: Redis, partitions: Sequence[PartitionKeys]) -> list[Any]:
    """Return four answers for each partition."""
    async with redis.pipeline(transaction=False) as pipe:
        for keys in partitions:
            pipe.xlen(keys.deltas)
            pipe.xrange(keys.deltas, count=1)
            pipe.xlen(keys.dead)
            pipe.scard(keys.unembedded)
        with store_errors():
            return await pipe.execute()


@dataclass(frozen=True, slots=True)
class IndexState:
    """The index that this process searches: how much it holds, and what it refused.

    `bytes` is the engine's own total, which is without the vectors' in version 2.10.
    """

    memories: int
    bytes: int
    vector_bytes: int
    failures: int


async def read_index(redis: Redis, index: str) -> IndexState:
    """Return the state of an index. Raises StoreUnavailable."""
    info: dict[bytes, Any] = await schema.info(redis, index)
    return IndexState(
        memories=int(info[b"num_docs"]),
        bytes=round(float(info.get(b"total_index_memory_sz_mb", 0)) * 2**20),
        vector_bytes=round(float(info.get(b"vector_index_sz_mb", 0)) * 2**20),
        failures=int(info[b"hash_indexing_failures"]),
    )
