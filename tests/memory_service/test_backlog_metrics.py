"""What waits in Redis is shown as it is, and as it last was while Redis is away."""

from __future__ import annotations

import asyncio

import pytest
from prometheus_client import CollectorRegistry
from redis.asyncio import Redis

from memory_service import backlog_metrics
from memory_service.backlog_metrics import BacklogMetrics
from memory_service.store.connection import connect
from memory_service.store.keys import INDEX_ALIAS, MEMORY_PREFIX, OwnerKeys
from tests.memory_service.test_pump import pump_of, running, settled
from tests.support.extraction import World, new_world
from tests.support.memories import ALICE
from tests.support.waiting import wait_until


@pytest.fixture
async def world(redis: Redis) -> World:
    return await new_world(redis)


async def test_notices_and_the_age_of_the_oldest_are_counted_over_all_partitions(world: World):
    seconds, _ = await world.redis.time()
    for hour in (1, 2):
        await world.redis.xadd(
            OwnerKeys(ALICE).shared.deltas, _notice(), f"{seconds - 3600}000-{hour}"
        )
    shown = await looked(world)
    assert shown("memory_delta_lag_notices") == 2
    assert 3599 <= shown("memory_delta_lag_seconds") < 3700


def _notice() -> dict[str, str]:
    return {"owner": "t:n:u:alice", "session": "s", "generation": "1", "tail": "1"}


async def test_nothing_waits_when_all_is_done(world: World):
    async with running(pump_of(world)):
        await world.append("one")
        await settled(world)
    shown = await looked(world)
    assert shown("memory_delta_lag_notices") == 0
    assert shown("memory_delta_lag_seconds") == 0
    assert shown("memory_dead_letters") == 0
    # The turn itself is a memory, too.
    assert shown("memory_index_memories") == len(await world.redis.keys(f"{MEMORY_PREFIX}*")) > 0
    assert shown("memory_index_bytes") > 0
    assert shown("memory_index_vector_bytes") > 0
    assert shown("memory_index_failures") == 0


async def test_what_was_given_up_and_what_waits_for_a_vector_is_counted(world: World):
    world.extractor.poison = {"poison"}
    async with running(pump_of(world)):
        await world.append("poison")
        await settled(world)
    await world.redis.sadd(OwnerKeys(ALICE).shared.unembedded, "am:mem:x")
    shown = await looked(world)
    assert shown("memory_dead_letters") == 1
    assert shown("memory_unembedded_memories") == 1


async def test_while_redis_is_away_it_goes_on_looking(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(backlog_metrics, "EVERY_SECONDS", 0.01)
    looks = 0
    async with connect("unix:///nowhere/redis.sock") as redis:
        metrics = BacklogMetrics(redis, INDEX_ALIAS, CollectorRegistry())
        look = metrics.look

        async def counted() -> None:
            nonlocal looks
            looks += 1
            await look()

        monkeypatch.setattr(metrics, "look", counted)
        task = asyncio.create_task(metrics.run())
        await wait_until(lambda: looks > 2, "it looks again")
        assert not task.done()
        task.cancel()
        await asyncio.wait([task])


async def looked(world: World):
    registry = CollectorRegistry()
    await BacklogMetrics(world.redis, INDEX_ALIAS, registry).look()
    return registry.get_sample_value
