"""Makes sure that an index is whole before it is searched: a partial answer is never given.

An index is built in the background where its memories were there first: when it was lost and is
made again, and when Redis replays an append-only file in which it was made after them.
"""

from __future__ import annotations

import time

from redis.asyncio import Redis

from memory_service.domain.errors import StoreUnavailable
from memory_service.store import schema


class BuiltIndex:
    """Asks the engine at most every FRESH_SECONDS: that costs it as much as a search.

    That is less than a restart of Redis takes, and less than passes before a lost index is made.
    """

    def __init__(self, redis: Redis, index: str) -> None:
        self._redis = redis
        self._index = index
        self._whole_until = float("-inf")

    async def check(self) -> None:
        """Raise StoreUnavailable while the index is being built, or is not there."""
        now = time.monotonic()
        if now < self._whole_until:
            return
        if await schema.indexing(self._redis, self._index):
            raise StoreUnavailable("the search index is being built")
        self._whole_until = now + schema.FRESH_SECONDS
