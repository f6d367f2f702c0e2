"""How often a tenant may ask, and how many streams it may have open: over all processes.

A token bucket in Redis says how often. Each process takes some tokens at a time and spends them by
itself, so that a call seldom needs a round trip for that; a tenant that has none left is refused
from memory until it has.
"""

from __future__ import annotations

import asyncio
import math
import secrets
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import cast

from redis.asyncio import Redis

from memory_service.domain.errors import RateExceeded
from memory_service.store.connection import store_errors
from memory_service.store.keys import rate_key, streams_key

TAKE = """
-- Take up to ARGV[3] tokens of a bucket that gets ARGV[1] a second and holds ARGV[2].
-- Returns how many, and after how many milliseconds there is one if there is none.
local rate, holds, wanted = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local clock = redis.call('TIME')
local now = tonumber(clock[1]) + tonumber(clock[2]) / 1000000
local found = redis.call('HMGET', KEYS[1], 'tokens', 'at')
local tokens = tonumber(found[1] or holds)
local since = math.max(0, now - tonumber(found[2] or now))
tokens = math.min(holds, tokens + since * rate)
local taken = math.min(wanted, math.floor(tokens))
redis.call('HSET', KEYS[1], 'tokens', string.format('%.6f', tokens - taken),
  'at', string.format('%.6f', now))
redis.call('PEXPIRE', KEYS[1], math.ceil(holds / rate * 1000) + 1000)
if taken > 0 then return {taken, 0} end
return {0, math.ceil((1 - tokens) / rate * 1000)}
"""

HOLD = """
-- Hold a place among a tenant's ARGV[2] streams for ARGV[3] milliseconds, anew or for longer.
local clock = redis.call('TIME')
local now = tonumber(clock[1]) * 1000 + math.floor(tonumber(clock[2]) / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
local held = redis.call('ZSCORE', KEYS[1], ARGV[1])
if not held and redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[2]) then return 0 end
redis.call('ZADD', KEYS[1], now + tonumber(ARGV[3]), ARGV[1])
redis.call('PEXPIRE', KEYS[1], tonumber(ARGV[3]))
return 1
"""

SPENT_IN_SECONDS = 0.1
"""How long the tokens that are taken at a time last at the full rate."""

GOOD_SECONDS = 1.0
"""How long they are good for; what is not spent by then is lost, so that a pause saves up none."""

STREAM_SECONDS = 30.0
"""How long the place of a stream is held for a process that has gone away."""

MOST_TENANTS = 10_000
"""How many tenants' tokens a process remembers; more are forgotten, and take tokens again."""


@dataclass(slots=True)
class _Purse:
    """What a process has of a tenant's tokens."""

    tokens: int = 0
    until: float = 0.0
    refused_until: float = 0.0
    asking: asyncio.Lock = field(default_factory=asyncio.Lock)


class RequestRates:
    """Requests of each tenant: `rate` a second, `burst` at once."""

    def __init__(
        self,
        redis: Redis,
        *,
        rate: float,
        burst: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._take = redis.register_script(TAKE)
        self._rate = rate
        self._burst = burst
        self._batch = max(1, min(int(rate * SPENT_IN_SECONDS), burst // 10))
        self._clock = clock
        self._purses: dict[str, _Purse] = {}
        self.round_trips = 0

    async def admit(self, tenant: str) -> None:
        """Spend a token. Raises RateExceeded, StoreUnavailable."""
        purse = self._purse(tenant)
        if self._spend(purse):
            return
        async with purse.asking:
            if not self._spend(purse):
                await self._fill(tenant, purse)
                self._spend(purse)

    def _spend(self, purse: _Purse) -> bool:
        now = self._clock()
        if purse.tokens and now < purse.until:
            purse.tokens -= 1
            return True
        if now < purse.refused_until:
            raise RateExceeded("requests", purse.refused_until - now)
        return False

    async def _fill(self, tenant: str, purse: _Purse) -> None:
        self.round_trips += 1
        arguments = [str(self._rate), str(self._burst), str(self._batch)]
        with store_errors():
            answer = await self._take(keys=[rate_key(tenant)], args=arguments)
        taken, wait = cast(list[int], answer)
        now = self._clock()
        if not taken:
            purse.refused_until = now + wait / 1000
            raise RateExceeded("requests", wait / 1000)
        purse.tokens, purse.until = taken, now + GOOD_SECONDS

    def _purse(self, tenant: str) -> _Purse:
        purse = self._purses.get(tenant)
        if purse is None:
            if len(self._purses) >= MOST_TENANTS:
                self._purses.clear()
            purse = self._purses[tenant] = _Purse()
        return purse


class StreamPlaces:
    """Open streams of each tenant: `most` at a time. A process that is gone lets go of its own."""

    def __init__(self, redis: Redis, *, most: int, seconds: float = STREAM_SECONDS) -> None:
        self._redis = redis
        self._hold = redis.register_script(HOLD)
        self._most = most
        self._seconds = seconds

    @asynccontextmanager
    async def place(self, tenant: str) -> AsyncIterator[None]:
        """Hold a place for as long as the block runs. Raises RateExceeded, StoreUnavailable."""
        name = secrets.token_hex(8)
        if not await self._held(tenant, name):
            raise RateExceeded("streams", self._seconds / 3)
        holding = asyncio.create_task(self._keep(tenant, name))
        try:
            yield
        finally:
            holding.cancel()
            await self._redis.zrem(streams_key(tenant), name)

    async def _keep(self, tenant: str, name: str) -> None:
        while True:
            await asyncio.sleep(self._seconds / 3)
            # Without Redis nothing is held, and nothing is asked of it either.
            await asyncio.gather(self._held(tenant, name), return_exceptions=True)

    async def _held(self, tenant: str, name: str) -> bool:
        milliseconds = math.ceil(self._seconds * 1000)
        arguments = [name, str(self._most), str(milliseconds)]
        with store_errors():
            return bool(await self._hold(keys=[streams_key(tenant)], args=arguments))
