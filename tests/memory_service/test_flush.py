from __future__ import annotations

import asyncio

import pytest
from redis.asyncio import Redis

from memory_service.domain.errors import ExtractorUnavailable, SessionNotFound
from memory_service.flush import Flush
from memory_service.store.leases import Leases
from tests.support.extraction import CHAT, NOW, World, new_world, numbered
from tests.support.waiting import wait_until


@pytest.fixture
async def world(redis: Redis) -> World:
    return await new_world(redis)


def flush_of(world: World, delta_messages: int = 4) -> Flush:
    leases = Leases(world.redis, seconds=10)
    return Flush(world.sessions, world.extraction(delta_messages=delta_messages), leases)


async def test_a_flush_extracts_everything_and_a_second_adds_nothing(world: World):
    await world.sessions.append(CHAT, numbered(10), now=NOW)
    flush = flush_of(world)
    assert await flush.run(CHAT) == 10
    assert len(await world.texts()) == 10
    asked = len(world.extractor.asked)
    assert await flush.run(CHAT) == 10
    assert len(world.extractor.asked) == asked
    assert len(await world.texts()) == 10


async def test_an_unknown_session_is_not_found(world: World):
    with pytest.raises(SessionNotFound):
        await flush_of(world).run(CHAT)


async def test_messages_that_come_meanwhile_are_not_waited_for(world: World):
    await world.append("one")
    world.extractor.open.clear()
    flush = asyncio.create_task(flush_of(world).run(CHAT))
    await wait_until(lambda: bool(world.extractor.asked), "the session has been read")
    await world.append("two")
    world.extractor.open.set()
    assert await flush == 1
    assert world.extractor.asked == [[1]]


async def test_many_flushes_at_once_extract_each_message_once(world: World):
    await world.sessions.append(CHAT, numbered(20), now=NOW)
    answers = await asyncio.gather(*(flush_of(world).run(CHAT) for _ in range(5)))
    assert answers == [20] * 5
    assert sorted(world.extractor.answered) == list(range(1, 21))
    assert len(await world.texts()) == 20


async def test_a_flush_waits_for_who_holds_the_session_and_takes_their_work(world: World):
    await world.append("one")
    async with Leases(world.redis, seconds=10).try_hold(CHAT) as held:
        assert held
        flush = asyncio.create_task(flush_of(world).run(CHAT))
        assert (await world.extraction().step(CHAT)).committed
        assert await flush == 1
    assert world.extractor.asked == [[1]]


async def test_without_an_extractor_the_caller_is_told(world: World):
    await world.append("one")
    world.extractor.down = True
    with pytest.raises(ExtractorUnavailable):
        await flush_of(world).run(CHAT)
    world.extractor.down = False
    assert await flush_of(world).run(CHAT) == 1


async def test_a_poisonous_message_does_not_stop_a_flush(world: World):
    world.extractor.poison = {"bad"}
    await world.append("one", "bad", "two")
    assert await flush_of(world).run(CHAT) == 3
    assert await world.texts() == ["one", "two"]


@pytest.mark.parametrize("again", [True, False])
async def test_a_session_deleted_meanwhile_is_not_found(world: World, again: bool):
    await world.append("one")
    world.extractor.open.clear()
    flush = asyncio.create_task(flush_of(world).run(CHAT))
    await wait_until(lambda: bool(world.extractor.asked), "the session has been read")
    await world.sessions.delete(CHAT)
    if again:
        await world.append("two")
    world.extractor.open.set()
    with pytest.raises(SessionNotFound):
        await flush
    assert await world.texts() == []
