"""Work that is done regularly by one process of all: whose turn it is, and when the next is."""

from __future__ import annotations

import secrets

from redis.asyncio import Redis

from memory_service.store.connection import store_errors

DONE = "done"

KEEP = """
-- Keep a key for longer, with a value, if it is still what its holder wrote.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1
"""


class Turns:
    """One key: while it is there, somebody is at work, or it is too early to begin again.

    It goes away by itself: after `lease` seconds without a sign of the one at work, and when the
    next turn is due. So a restart does not begin again, and a crash does not end it for good.
    """

    def __init__(self, redis: Redis, key: str, *, every: float, lease: float) -> None:
        self._redis = redis
        self._key = key
        self._every = every
        self._lease = lease
        self._token = secrets.token_hex(8)
        self._keep = redis.register_script(KEEP)

    async def take(self) -> bool:
        """Take the turn; say whether it was free and due."""
        with store_errors():
            taken = await self._redis.set(
                self._key, self._token, nx=True, px=_milliseconds(self._lease)
            )
        return bool(taken)

    async def still_ours(self) -> bool:
        """Keep the turn for another lease; say whether it had not been lost."""
        return await self._keep_as(self._token, self._lease)

    async def done(self) -> None:
        """End the turn: the next is due `every` seconds from now."""
        await self._keep_as(DONE, self._every)

    async def _keep_as(self, value: str, seconds: float) -> bool:
        with store_errors():
            arguments = [self._token, value, str(_milliseconds(seconds))]
            return bool(await self._keep(keys=[self._key], args=arguments))


def _milliseconds(seconds: float) -> int:
    return max(1, round(seconds * 1000))
