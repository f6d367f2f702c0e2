"""What this Redis does not promise: read once, told in the log, explained in docs/durability.md."""

from __future__ import annotations

import logging

from redis.asyncio import Redis

from memory_service.store.connection import store_errors

logger = logging.getLogger(__name__)

EVICTS_NOTHING = "noeviction"


async def weaknesses(redis: Redis) -> list[str]:
    """Return a line for each way in which Redis may lose what was acknowledged.

    By INFO alone: many a hosted Redis refuses CONFIG. Raises StoreUnavailable.
    """
    with store_errors():
        memory = await redis.info("memory")
        persistence = await redis.info("persistence")
    found = []
    policy = memory.get("maxmemory_policy", EVICTS_NOTHING)
    if policy != EVICTS_NOTHING:
        found.append(f"it evicts ({policy}): set maxmemory-policy to {EVICTS_NOTHING}")
    if not int(persistence.get("aof_enabled", 0)):
        found.append("it has no append-only file: a restart loses all since the last snapshot")
    return found


async def warn_of_weaknesses(redis: Redis) -> None:
    """Log each of them."""
    for weakness in await weaknesses(redis):
        logger.warning("what is acknowledged may be lost by Redis: %s", weakness)
