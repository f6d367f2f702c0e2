from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import pytest
from redis.asyncio import Redis

from memory_service.domain.errors import Contention
from memory_service.domain.owner import Owner
from memory_service.domain.requests import RequestKey
from memory_service.domain.search import Selection
from memory_service.erasing import ROUNDS, Erasing
from memory_service.pump import Pump, PumpTiming
from memory_service.store.erasing import Eraser
from memory_service.store.keys import OwnerKeys
from memory_service.store.leases import Leases
from memory_service.store.search import MemorySearch
from tests.support.extraction import CHAT, NOW, World, dump, new_world
from tests.support.memories import ALICE
from tests.support.summaries import summarizing
from tests.support.waiting import wait_until

REQUEST = RequestKey("EraseUser", "r1", "arguments")


@pytest.fixture
async def world(redis: Redis) -> World:
    return await new_world(redis)


def erasing_of(
    world: World, eraser: Eraser | None = None, search: MemorySearch | None = None
) -> Erasing:
    return Erasing(eraser or Eraser(world.redis), search or MemorySearch(world.redis), world.clock)


async def alices(world: World) -> list[bytes]:
    return [key for key in await dump(world.redis) if OwnerKeys(ALICE).owns(key.decode())]


async def test_an_owner_is_erased_and_a_repeat_gets_the_receipt(world: World):
    await world.append("one", "two")
    await world.extraction().step(CHAT)
    receipt = await erasing_of(world).erase(ALICE, REQUEST)
    assert (receipt.memories, receipt.sessions, receipt.verified) == (4, 1, NOW)
    world.clock.time += 1
    assert await erasing_of(world).erase(ALICE, REQUEST) == receipt


async def test_the_pump_that_extracts_meanwhile_writes_nothing_after(world: World):
    pump = Pump(
        world.queue,
        world.extraction(),
        summarizing(world),
        Leases(world.redis, seconds=10),
        PumpTiming(quiet=0.01, longest=0.1, claim_idle=30),
        parallel_sessions=2,
        waiting_sessions=9,
    )
    world.extractor.open.clear()
    await world.append("secret")
    running = asyncio.create_task(pump.run())
    await wait_until(lambda: bool(world.extractor.asked), "the pump extracts")
    receipt = await erasing_of(world).erase(ALICE, None)
    assert receipt.sessions == 1
    world.extractor.open.set()
    await wait_until(lambda: not pump._backlogs, "the pump is done with the session")
    running.cancel()
    await asyncio.wait([running])
    assert await world.stored() == []
    assert [key for key in await alices(world) if key != OwnerKeys(ALICE).state.encode()] == []
    assert (await world.waiting(), await world.pending()) == (0, 0)


class StubbornEraser(Eraser):
    """Finds something whenever it looks."""

    rounds = 0

    async def round(self, owner: Owner) -> AsyncGenerator[None]:
        self.rounds += 1
        yield


async def test_writers_who_never_rest_are_an_error(world: World):
    eraser = StubbornEraser(world.redis)
    with pytest.raises(Contention):
        await erasing_of(world, eraser).erase(ALICE, None)
    assert eraser.rounds == ROUNDS


class HauntedSearch(MemorySearch):
    """Finds what is not there any more, a few times."""

    ghosts = 3

    async def count(self, selection: Selection) -> int:
        self.ghosts -= 1
        return max(self.ghosts, 0)


async def test_nothing_is_attested_while_a_search_still_answers(world: World):
    search = HauntedSearch(world.redis)
    await erasing_of(world, search=search).erase(ALICE, None)
    assert search.ghosts == 0
    search.ghosts = 1000
    with pytest.raises(Contention):
        await erasing_of(world, search=search).erase(ALICE, None)
