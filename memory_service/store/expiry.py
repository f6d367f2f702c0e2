"""Sessions that expire: which are due, and their end."""

from __future__ import annotations

from redis.asyncio import Redis

from memory_service.domain.errors import SessionNotFound
from memory_service.domain.owner import SessionRef
from memory_service.store.keys import PARTITIONS, PartitionKeys, session_of
from memory_service.store.session_scripts import SessionScripts, session_argument

SETS = tuple(PartitionKeys(partition).expiry for partition in range(PARTITIONS))


class ExpiringSessions:
    """The scripts that change a session keep it in its partition's set; this reads the sets."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._scripts = SessionScripts(redis)

    async def due(self, now: int, *, count: int) -> list[SessionRef]:
        """Return sessions that have expired, at most `count` of each partition."""
        async with self._redis.pipeline(transaction=False) as pipe:
            for key in SETS:
                pipe.zrange(key, 0, now, byscore=True, offset=0, num=count)
            found = await pipe.execute()
        return [session_of(key.decode()) for keys in found for key in keys]

    async def end(self, ref: SessionRef, now: int) -> bool:
        """Delete the session if it has expired; say whether it was there and had.

        Raises NotExtracted.
        """
        argument = {**session_argument(ref), "due": now, "only_if_extracted": True}
        try:
            reply = await self._scripts.delete(argument)
        except SessionNotFound:
            return False  # Its mark is gone now, too.
        return reply.status == "done"
