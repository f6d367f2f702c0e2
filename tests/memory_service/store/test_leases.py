from __future__ import annotations

import asyncio
from typing import Literal

import pytest
from redis.asyncio import Redis
from redis.asyncio.lock import Lock
from redis.exceptions import ConnectionError as RedisConnectionError

from memory_service.domain.owner import SessionRef
from memory_service.store import leases
from memory_service.store.keys import OwnerKeys
from memory_service.store.leases import Leases
from tests.support.extraction import CHAT
from tests.support.memories import ALICE
from tests.support.waiting import wait_until

LEASE = OwnerKeys(ALICE).lease("chat")


async def test_one_holds_a_session_and_others_are_told_at_once(redis: Redis):
    mine, theirs = Leases(redis, seconds=10), Leases(redis, seconds=10)
    async with mine.try_hold(CHAT) as held, theirs.try_hold(CHAT) as also_held:
        assert held
        assert not also_held
        async with theirs.try_hold(SessionRef(ALICE, "other")) as other:
            assert other
    assert not await redis.exists(LEASE)


async def test_who_did_not_get_it_does_not_take_it_away(redis: Redis):
    both = Leases(redis, seconds=10)
    async with both.try_hold(CHAT):
        async with both.try_hold(CHAT) as held:
            assert not held
        assert await redis.exists(LEASE)


@pytest.mark.parametrize("trouble", [ZeroDivisionError, asyncio.CancelledError])
async def test_trouble_gives_it_back(redis: Redis, trouble: type[BaseException]):
    with pytest.raises(trouble):
        async with Leases(redis, seconds=10).try_hold(CHAT):
            raise trouble
    assert not await redis.exists(LEASE)


async def test_it_is_kept_for_as_long_as_it_is_held(redis: Redis):
    async def renewed() -> bool:
        return await redis.pttl(LEASE) > 150

    async with Leases(redis, seconds=0.3).try_hold(CHAT) as held:
        assert held
        for _ in range(2):
            await redis.pexpire(LEASE, 150)
            await wait_until(renewed, "it has been renewed")
        assert 0 < await redis.pttl(LEASE) <= 300


async def test_it_ends_by_itself_and_a_late_holder_leaves_the_next_ones_alone(redis: Redis):
    """As after a pause of the process, in which its lease ran out."""
    late = Leases(redis, seconds=10).try_hold(CHAT)
    assert await late.__aenter__()
    assert 0 < await redis.pttl(LEASE) <= 10_000
    await redis.delete(LEASE)
    async with Leases(redis, seconds=10).try_hold(CHAT) as held:
        assert held
        await late.__aexit__(None, None, None)
        assert await redis.exists(LEASE)


async def test_trouble_with_redis_does_not_end_the_keeping(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
):
    real, troubles = Lock.do_reacquire, 2

    async def do_reacquire(lock: Lock) -> Literal[True]:
        nonlocal troubles
        if troubles:
            troubles -= 1
            raise RedisConnectionError
        return await real(lock)

    async def renewed() -> bool:
        return not troubles and await redis.pttl(LEASE) > 1000

    monkeypatch.setattr(Lock, "do_reacquire", do_reacquire)
    monkeypatch.setattr(leases, "KEPT_SHARE", 0.001)
    async with Leases(redis, seconds=10).try_hold(CHAT):
        await redis.pexpire(LEASE, 1000)
        await wait_until(renewed, "it has been renewed")
