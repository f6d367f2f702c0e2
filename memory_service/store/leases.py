"""Leases on sessions: they save work, they are not what makes extraction safe."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from redis.asyncio import Redis
from redis.asyncio.lock import Lock
from redis.exceptions import LockError

from memory_service.cancellation import check_cancelled
from memory_service.domain.errors import StoreUnavailable
from memory_service.domain.owner import SessionRef
from memory_service.store.connection import store_errors
from memory_service.store.keys import OwnerKeys

KEPT_SHARE = 1 / 3
"""After this share of its seconds a lease is renewed: one renewal may fail."""


class Leases:
    """One holder a session at a time; a process that is gone lets go after `seconds`."""

    def __init__(self, redis: Redis, *, seconds: float) -> None:
        self._redis = redis
        self._seconds = seconds

    @asynccontextmanager
    async def try_hold(self, ref: SessionRef) -> AsyncIterator[bool]:
        """Hold the session's lease if nobody else does; say whether it is held."""
        key = OwnerKeys(ref.owner).lease(ref.session_id)
        lock = self._redis.lock(key, timeout=self._seconds, blocking=False, thread_local=False)
        if not await lock.acquire():
            yield False
            return
        keeping = asyncio.create_task(self._keep(lock))
        try:
            yield True
        finally:
            keeping.cancel()
            await asyncio.wait([keeping])
            with suppress(LockError):
                await lock.release()

    async def _keep(self, lock: Lock) -> None:
        """Renew a lease until cancelled, or until it is another's."""
        with suppress(LockError):
            while True:
                await asyncio.sleep(self._seconds * KEPT_SHARE)
                with suppress(StoreUnavailable), store_errors():
                    await lock.reacquire()
                check_cancelled()
