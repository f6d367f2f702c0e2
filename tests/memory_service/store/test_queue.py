from __future__ import annotations

import asyncio

import pytest
from redis.asyncio import Redis

from memory_service.domain.owner import Owner, SessionRef
from memory_service.store.keys import OwnerKeys
from memory_service.store.queue import GROUP, STREAMS, WorkQueue
from memory_service.store.scripts import Scripts
from tests.support.extraction import CHAT, NOW, World, new_world, said
from tests.support.memories import ALICE
from tests.support.waiting import wait_until

STREAM = OwnerKeys(ALICE).shared.deltas


@pytest.fixture
async def world(redis: Redis) -> World:
    return await new_world(redis)


async def test_groups_are_made_once_by_however_many(world: World):
    await asyncio.gather(*(world.queue.ensure_groups() for _ in range(3)))
    for stream in (STREAMS[0], STREAMS[-1]):
        (group,) = await world.redis.xinfo_groups(stream)
        assert group["name"] == GROUP.encode()


async def test_a_group_made_late_reads_from_the_first_notice(redis: Redis):
    scripts = Scripts(redis)
    world = await new_world(redis)
    await redis.delete(STREAM)
    await world.append("one")
    queue = WorkQueue(redis, scripts)
    await queue.ensure_groups()
    assert [n.ref for n in await queue.read(count=9, block_ms=10)] == [CHAT]


async def test_each_notice_is_handed_out_once(world: World):
    refs = [SessionRef(Owner.user("t", "n", f"user {n}"), "s") for n in range(50)]
    for ref in refs:
        await world.append("x", ref=ref)
    readers = await asyncio.gather(*(world.queue.read(count=9, block_ms=10) for _ in range(3)))
    found = [notice.ref for notices in readers for notice in notices]
    assert sorted(found, key=str) == sorted(refs, key=str)
    assert await world.waiting() == 50


async def test_a_reader_takes_so_many_of_a_partition_and_waits_no_longer_than_told(world: World):
    for _ in range(5):
        await world.append("x")
    assert [len(await world.queue.read(count=2, block_ms=10)) for _ in range(4)] == [2, 2, 1, 0]


async def test_a_waiting_reader_is_woken_by_an_append(world: World):
    reader = asyncio.create_task(world.queue.read(count=1, block_ms=30_000))
    async with asyncio.timeout(10):
        await wait_until(lambda: reading(world), "the reader waits")
        await world.append("one")
        assert [n.tail for n in await reader] == [1]


async def reading(world: World) -> bool:
    return any(client["cmd"] == "xreadgroup" for client in await world.redis.client_list())


async def test_a_reader_that_is_cancelled_leaves_the_connections_usable(world: World):
    reader = asyncio.create_task(world.queue.read(count=1, block_ms=30_000))
    await wait_until(lambda: reading(world), "the reader waits")
    reader.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reader
    await world.append("one")
    pings = await asyncio.gather(*(world.redis.echo(str(n)) for n in range(20)))
    assert pings == [str(n).encode() for n in range(20)]


async def test_what_nobody_acknowledged_can_be_claimed_when_it_is_old_enough(world: World):
    await world.append("one")
    (notice,) = await world.queue.read(count=9, block_ms=10)
    assert await world.queue.claim(min_idle_ms=60_000, count=9) == []
    assert await world.queue.claim(min_idle_ms=0, count=9) == [notice]
    await world.queue.drop(ALICE, [notice.id])
    assert await world.queue.claim(min_idle_ms=0, count=9) == []
    assert await world.waiting() == 0


async def test_a_notice_that_was_deleted_is_not_claimed(world: World):
    await world.append("one")
    (notice,) = await world.queue.read(count=9, block_ms=10)
    await world.redis.xdel(STREAM, notice.id)
    assert await world.queue.claim(min_idle_ms=0, count=9) == []


async def test_lost_groups_are_made_again(world: World):
    await world.redis.flushall()
    assert await world.queue.read(count=9, block_ms=10) == []
    await world.redis.flushall()
    assert await world.queue.claim(min_idle_ms=0, count=9) == []
    await world.append("one")
    assert len(await world.queue.read(count=9, block_ms=10)) == 1


async def test_a_reader_that_waits_while_everything_is_flushed_comes_back(world: World):
    reader = asyncio.create_task(world.queue.read(count=1, block_ms=30_000))
    await wait_until(lambda: reading(world), "the reader waits")
    await world.redis.flushall()
    async with asyncio.timeout(10):
        assert await reader == []
        await world.append("one")
        assert len(await world.queue.read(count=1, block_ms=10)) == 1


async def test_notices_of_one_owner_are_dropped_and_no_others(world: World):
    await world.append("one")
    await world.sessions.append(CHAT, said("two"), now=NOW)
    first, second = await world.queue.read(count=9, block_ms=10)
    await world.queue.drop(ALICE, [first.id])
    assert await world.pending() == 1
    assert await world.queue.claim(min_idle_ms=0, count=9) == [second]
