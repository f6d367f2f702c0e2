"""Leases on sessions: they save work, they are not what makes extraction safe."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from redis.asyncio import Redis
from redis.exceptions import LockError

from memory_service.domain.owner import SessionRef
from memory_service.store.keys import OwnerKeys


class Leases:
    """One holder a session at a time, for `seconds` at most: a process that is gone lets go."""

    def __init__(self, redis: Redis, *, seconds: float) -> None:
        self._redis = redis
        self._seconds = seconds

    @asynccontextmanager
    async def try_hold(self, ref: SessionRef) -> AsyncIterator[bool]:
        """Hold the session's lease if nobody else does; say whether it is held."""
        key = OwnerKeys(ref.owner).lease(ref.session_id)
        lock = self._redis.lock(key, timeout=self._seconds, blocking=False, thread_local=False)
        held = await lock.acquire()
        try:
            yield held
        finally:
            if held:
                with suppress(LockError):
                    await lock.release()
