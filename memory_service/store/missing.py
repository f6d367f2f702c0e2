"""Memories without a vector of a space, found by the space's index, and vectors of other spaces."""

from __future__ import annotations

from collections.abc import AsyncIterator

from redis.asyncio import Redis

from memory_service.store.connection import store_errors
from memory_service.store.keys import MEMORY_PREFIX
from memory_service.store.scripts import VECTORS, pack
from memory_service.store.search import TIMEOUT_MS, ask
from memory_service.store.spaces import EMBEDDED, Space, unfinished
from memory_service.store.tags import YES

SCAN_COUNT = 1000

DROP = (
    VECTORS
    + """
-- Drop a memory's vectors in all spaces but one.
local a = cmsgpack.unpack(ARGV[1])
drop_vectors(a.key, a.kept)
return {'done', ''}
"""
)


class MissingVectors:
    """Knows which memories lack a vector of its space; of all owners, so for no caller's eyes."""

    def __init__(self, redis: Redis, space: Space) -> None:
        self._redis = redis
        self._space = space
        self._drop = redis.register_script(DROP)

    async def find(self, limit: int) -> tuple[list[str], int]:
        """Return keys of up to `limit` such memories, and how many there are.

        Raises SearchTimeout, StoreUnavailable.
        """
        search = [
            *("FT.SEARCH", self._space.index, f"-@{EMBEDDED}:{{{YES}}}", "NOCONTENT"),
            *("LIMIT", "0", str(limit), "TIMEOUT", str(TIMEOUT_MS), "DIALECT", "2"),
        ]
        (reply,) = await ask(self._redis, [search])
        return [row[b"id"].decode() for row in reply[b"results"]], int(reply[b"total_results"])

    async def stragglers(self, limit: int) -> list[str]:
        """Return keys of memories that others may have written for the space before.

        Nobody does so but between the switch of the database to this space and its end.
        """
        if not await unfinished(self._redis):
            return []
        keys, _ = await self.find(limit)
        return keys

    async def count(self) -> int:
        """Return how many memories there are in all."""
        (reply,) = await ask(
            self._redis,
            [["FT.SEARCH", self._space.index, "*", "NOCONTENT", "LIMIT", "0", "0", "DIALECT", "2"]],
        )
        return int(reply[b"total_results"])

    async def drop_others(self) -> AsyncIterator[int]:
        """Drop every memory's vectors in other spaces; yield how many were gone through."""
        batch: list[str] = []
        async for key in self._redis.scan_iter(match=f"{MEMORY_PREFIX}*", count=SCAN_COUNT):
            batch.append(key.decode())
            if len(batch) == SCAN_COUNT:
                yield await self._drop_of(batch)
                batch = []
        if batch:
            yield await self._drop_of(batch)

    async def _drop_of(self, keys: list[str]) -> int:
        with store_errors():
            async with self._redis.pipeline(transaction=False) as pipe:
                for key in keys:
                    argument = {"key": key, "kept": self._space.tag}
                    await self._drop(keys=[key], args=[pack(argument)], client=pipe)
                await pipe.execute()
        return len(keys)
