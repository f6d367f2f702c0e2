"""Secrets that all processes of a database share."""

from __future__ import annotations

from typing import cast

from redis.asyncio import Redis

from memory_service.store.keys import PAGE_SECRET


async def shared_secret(redis: Redis, fresh: bytes) -> bytes:
    """Return the database's secret; `fresh` becomes it if there is none yet."""
    await redis.set(PAGE_SECRET, fresh, nx=True)
    secret: bytes = cast(bytes, await redis.get(PAGE_SECRET))
    return secret
