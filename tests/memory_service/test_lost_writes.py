"""What Redis loses of a session, in a failover to a replica behind, takes nothing else with it."""

from __future__ import annotations

import asyncio

import pytest
from redis.asyncio import Redis

from memory_service.domain.memory import MemoryType, NewMemory
from memory_service.store.keys import OwnerKeys
from tests.memory_service.test_flush import flush_of
from tests.memory_service.test_pump import pump_of, running, settled, texts_are
from tests.support.extraction import CHAT, NOW, World, new_world
from tests.support.memories import ALICE
from tests.support.waiting import wait_until

Kept = dict[str, bytes | None]

_KEYS = OwnerKeys(ALICE)
SESSION_KEYS = [key(CHAT.session_id) for key in (_KEYS.session, _KEYS.log, _KEYS.given)]


@pytest.fixture
async def world(redis: Redis) -> World:
    return await new_world(redis)


async def replicated(world: World) -> Kept:
    return {key: await world.redis.dump(key) for key in SESSION_KEYS}


async def fail_over(world: World, kept: Kept) -> None:
    await world.redis.delete(*kept)
    for key, value in kept.items():
        if value is not None:
            await world.redis.restore(key, 0, value)


async def give(world: World, text: str) -> None:
    memory = NewMemory("", text, MemoryType.SEMANTIC)
    await world.sessions.append(CHAT, [], memories=[memory], now=NOW)


async def drain(world: World) -> None:
    while (progress := await world.extraction().step(CHAT)) and progress.committed:
        pass


async def test_messages_after_those_that_were_lost_while_they_were_extracted_are_extracted(
    world: World,
):
    await world.append("one")
    kept = await replicated(world)
    await world.append("lost", "lost as well")
    world.extractor.open.clear()
    step = asyncio.create_task(world.extraction().step(CHAT))
    await wait_until(lambda: bool(world.extractor.asked), "the session has been read")
    await fail_over(world, kept)
    world.extractor.open.set()
    progress = await step
    assert progress is not None
    assert not progress.committed
    await world.append("two", "three")
    await drain(world)
    assert await world.texts() == ["one", "two", "three"]


async def test_memories_after_those_that_were_lost_while_they_were_promoted_are_promoted(
    world: World,
):
    await give(world, "one")
    kept = await replicated(world)
    await give(world, "lost")

    async def lose() -> None:
        world.embedding.before = None
        await fail_over(world, kept)

    world.embedding.before = lose
    progress = await world.extraction().step(CHAT)
    assert progress is not None
    assert not progress.committed
    await give(world, "two")
    await drain(world)
    assert await world.texts() == ["one", "two"]


async def test_the_pump_is_done_with_notices_of_messages_that_were_lost(world: World):
    await world.append("one")
    kept = await replicated(world)
    await world.append("lost")
    world.extractor.open.clear()
    async with running(pump := pump_of(world)):
        await wait_until(lambda: bool(world.extractor.asked), "the session has been read")
        await fail_over(world, kept)
        world.extractor.open.set()
        await settled(world)
        await wait_until(lambda: not pump._backlogs, "nothing is in hand")
        assert await world.texts() == ["one"]
        await world.append("two")
        await wait_until(texts_are(world, "one", "two"), "what comes later is extracted")


async def test_a_flush_does_not_wait_for_messages_that_were_lost(world: World):
    await world.append("one")
    kept = await replicated(world)
    await world.append("lost")
    world.extractor.open.clear()
    flush = asyncio.create_task(flush_of(world).run(CHAT))
    await wait_until(lambda: bool(world.extractor.asked), "the session has been read")
    await fail_over(world, kept)
    world.extractor.open.set()
    async with asyncio.timeout(5):
        assert await flush == 1
    assert await world.texts() == ["one"]
