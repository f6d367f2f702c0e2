"""One lock a key, kept only while somebody holds it or waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager
from typing import Generic, TypeVar
from weakref import WeakValueDictionary

Key = TypeVar("Key", bound=Hashable)

PATIENCE_SECONDS = 5.0
"""How long a lock is waited for: who holds it may be waiting for an extractor that hangs."""


class KeyedLocks(Generic[Key]):
    """Lets the tasks of this process change one thing after the other.

    Not needed for safety: the fences in Redis see to that. It spares the retries. So a task that
    has waited for `patience` seconds goes on without the lock.
    """

    def __init__(self, *, patience: float = PATIENCE_SECONDS) -> None:
        self._patience = patience
        self._locks: WeakValueDictionary[Key, asyncio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def hold(self, key: Key) -> AsyncIterator[None]:
        """Wait for the key's lock and hold it; after a while, go on without it."""
        lock = self._locks.get(key)
        if lock is None:
            lock = self._locks[key] = asyncio.Lock()
        held = await self._acquire(lock)
        try:
            yield
        finally:
            if held:
                lock.release()

    async def _acquire(self, lock: asyncio.Lock) -> bool:
        try:
            async with asyncio.timeout(self._patience):
                return await lock.acquire()
        except TimeoutError:
            return False
