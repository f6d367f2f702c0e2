from __future__ import annotations

import asyncio
import logging

import pytest
from redis.asyncio import Redis

from memory_service import forget_schedule
from memory_service.domain.errors import Contention, SearchTimeout, StoreUnavailable
from memory_service.domain.forgetting import Limits
from memory_service.domain.owner import Owner
from memory_service.forget_schedule import ForgetSchedule
from memory_service.forgetting import Forgetting
from memory_service.jobs import Jobs
from memory_service.keyed_locks import KeyedLocks
from memory_service.store.keys import FORGETTING
from memory_service.store.search import MemorySearch
from memory_service.store.turns import Turns
from memory_service.store.use import UseStore
from tests.memory_service.test_forgetting import create
from tests.support.extraction import World, new_world
from tests.support.memories import ALICE, BOB
from tests.support.waiting import wait_until

OWNERS = (ALICE, BOB, Owner.user("t:1", "{a}*", "ü?"), Owner.session("acme", "app", "s"))


@pytest.fixture
async def world(redis: Redis) -> World:
    return await new_world(redis)


def schedule(world: World, *, every: float = 3600) -> ForgetSchedule:
    uses = UseStore(world.redis)
    jobs = Jobs(world.memories, KeyedLocks[Owner](), world.clock)
    search = MemorySearch(world.redis)
    return ForgetSchedule(
        Forgetting(world.memories, uses, search, jobs, world.clock),
        uses,
        Turns(world.redis, FORGETTING, every=every, lease=60),
        Limits(max_memories=1),
        look_every=0.01,
    )


async def fill(world: World) -> None:
    for owner in OWNERS:
        await create(world, "a", "b", "private text", owner=owner)


async def forgotten(world: World) -> bool:
    uses = UseStore(world.redis)
    return all([(await uses.summary(owner))[0] == 1 for owner in OWNERS])


async def test_it_forgets_for_every_owner_and_tells_counts(world, caplog):
    caplog.set_level(logging.INFO)
    await fill(world)
    await schedule(world).forget()
    assert await forgotten(world)
    assert "8 memories of 4 owners" in caplog.text
    assert "private" not in caplog.text


async def test_of_many_processes_one_runs_and_a_restart_does_not_run_again(world, monkeypatch):
    await fill(world)
    runs = 0
    real = ForgetSchedule.forget

    async def forget(self):
        nonlocal runs
        runs += 1
        await real(self)

    monkeypatch.setattr(ForgetSchedule, "forget", forget)
    tasks = [asyncio.create_task(schedule(world).run()) for _ in range(4)]
    try:
        await wait_until(lambda: forgotten(world), "all is forgotten")

        async def ended() -> bool:
            return await world.redis.get(FORGETTING) == b"done"

        await wait_until(ended, "the run has ended")
        tasks.append(asyncio.create_task(schedule(world).run()))
        await fill(world)
        await asyncio.sleep(0.1)  # Nothing happens, so nothing can be waited for.
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    assert runs == 1
    assert not await forgotten(world)


async def test_it_runs_again_when_it_is_due_and_through_trouble_with_redis(world, monkeypatch):
    real, troubles = Turns.take, 2

    async def take(self):
        nonlocal troubles
        if troubles:
            troubles -= 1
            raise StoreUnavailable("Redis cannot be reached")
        return await real(self)

    monkeypatch.setattr(Turns, "take", take)
    task = asyncio.create_task(schedule(world, every=0.05).run())
    try:
        for _ in range(2):
            await fill(world)
            await wait_until(lambda: forgotten(world), "all is forgotten")
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.mark.parametrize("trouble", [Contention, SearchTimeout, ZeroDivisionError])
async def test_an_owner_that_cannot_be_dealt_with_holds_nobody_up(
    world, monkeypatch, caplog, trouble
):
    caplog.set_level(logging.INFO)
    await fill(world)
    real = Forgetting.forget

    async def forget(self, owner, *args, **kwargs):
        if owner == BOB:
            raise trouble
        return await real(self, owner, *args, **kwargs)

    monkeypatch.setattr(Forgetting, "forget", forget)
    await schedule(world).forget()
    assert len(await world.stored(BOB)) == 3
    assert len(await world.stored(ALICE)) == 1
    assert [record.put_off for record in caplog.records if "done" in record.message] == [1]


async def test_who_lost_the_turn_stops(world, monkeypatch):
    monkeypatch.setattr(forget_schedule, "SIGN_SECONDS", 0.0)
    await fill(world)
    lost = schedule(world)
    await lost.forget()
    assert not await forgotten(world)
