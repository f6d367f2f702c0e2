"""What health asks of Redis: does it answer, take writes, and search?"""

from __future__ import annotations

from redis.asyncio import Redis
from redis.exceptions import ReadOnlyError

from memory_service.store import schema
from memory_service.store.keys import PROBE

PROBE_SECONDS = 3600


async def answers(redis: Redis) -> bool:
    """Tell whether Redis answers at all."""
    return bool(await redis.ping())


async def takes_writes(redis: Redis) -> bool:
    """Tell by a write: out of memory, read-only and too few replicas all show in nothing else.

    A server that has become a replica is left: the next connections go to whoever has its name.
    """
    try:
        return bool(await redis.set(PROBE, "1", ex=PROBE_SECONDS))
    except ReadOnlyError:
        await redis.connection_pool.disconnect(inuse_connections=False)
        raise


async def searches(redis: Redis, index: str) -> bool:
    """Tell whether the index is there and whole."""
    return not await schema.indexing(redis, index)
