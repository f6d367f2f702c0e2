from __future__ import annotations

import asyncio

import pytest
from redis.asyncio import Redis

from memory_service.domain.owner import SessionRef
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
    leases = Leases(redis, seconds=10)
    async with leases.try_hold(CHAT):
        async with leases.try_hold(CHAT) as held:
            assert not held
        assert await redis.exists(LEASE)


@pytest.mark.parametrize("trouble", [ZeroDivisionError, asyncio.CancelledError])
async def test_trouble_gives_it_back(redis: Redis, trouble: type[BaseException]):
    with pytest.raises(trouble):
        async with Leases(redis, seconds=10).try_hold(CHAT):
            raise trouble
    assert not await redis.exists(LEASE)


async def test_it_ends_by_itself_and_a_late_holder_leaves_the_next_ones_alone(redis: Redis):
    async def gone() -> bool:
        return not await redis.exists(LEASE)

    late = Leases(redis, seconds=0.05).try_hold(CHAT)
    assert await late.__aenter__()
    await wait_until(gone, "the lease has run out")
    async with Leases(redis, seconds=10).try_hold(CHAT) as held:
        assert held
        await late.__aexit__(None, None, None)
        assert not await gone()
