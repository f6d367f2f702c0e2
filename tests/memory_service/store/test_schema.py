from __future__ import annotations

import asyncio

import pytest
from redis.asyncio import Redis

from memory_service.domain.errors import StoreUnavailable
from memory_service.domain.search import Arm, Selection
from memory_service.store import schema
from memory_service.store.connection import command
from memory_service.store.schema import Model, ModelMismatch
from memory_service.store.search import MemorySearch
from tests.support.memories import ALICE, make, put, vector
from tests.support.redis import DIMENSION

SELECTION = Selection((ALICE,))


async def test_starters_at_the_same_time_make_one_index(bare_redis: Redis) -> None:
    await asyncio.gather(*(schema.ensure(bare_redis, dimension=DIMENSION) for _ in range(8)))
    assert await command(bare_redis, "FT._LIST") == [b"am:index:1:flat:8"]
    assert await MemorySearch(bare_redis).count(SELECTION) == 0


async def test_a_dropped_index_is_built_again_from_the_memories(redis: Redis) -> None:
    memories = [make(str(i), created=i) for i in range(500)]
    await put(redis, *memories)
    await command(redis, "FT.DROPINDEX", "am:index")
    with pytest.raises(StoreUnavailable, match="lost the search index"):
        await MemorySearch(redis).count(SELECTION)
    await schema.ensure(redis, dimension=DIMENSION)
    assert not await schema.indexing(redis)
    assert await MemorySearch(redis).count(SELECTION) == 500


@pytest.mark.parametrize("algorithm", ["FLAT", "HNSW"])
async def test_another_algorithm_takes_the_place_of_the_index(
    redis: Redis, algorithm: schema.Algorithm
) -> None:
    await put(redis, make("m1"), vectors=[vector(1)])
    await schema.ensure(redis, dimension=DIMENSION, algorithm=algorithm)
    assert await command(redis, "FT._LIST") == [f"am:index:1:{algorithm.lower()}:8".encode()]
    arms = await MemorySearch(redis).arms(
        SELECTION, vector=vector(1), words=[], k=1, timeout_ms=1000
    )
    assert [found.memory.id for found in arms[Arm.SEMANTIC]] == ["m1"]


async def test_vectors_of_another_length_are_refused_in_one_line(redis: Redis) -> None:
    with pytest.raises(ModelMismatch, match="dimension 8, not 768") as raised:
        await schema.ensure(redis, dimension=768)
    assert "\n" not in str(raised.value)
    assert await command(redis, "FT._LIST") == [b"am:index:1:flat:8"]


async def test_the_first_model_stays_the_model(redis: Redis) -> None:
    model = Model("mini", "53aa51", DIMENSION)
    for _ in range(2):
        await schema.record_model(redis, model)
    for other in (
        Model("mini", "other", DIMENSION),
        Model("maxi", "53aa51", DIMENSION),
        Model("mini", "53aa51", 768),
    ):
        with pytest.raises(ModelMismatch):
            await schema.record_model(redis, other)


async def test_of_two_models_at_the_same_time_one_is_recorded(redis: Redis) -> None:
    models = [Model(str(i), "1", DIMENSION) for i in range(5)]
    outcomes = await asyncio.gather(
        *(schema.record_model(redis, model) for model in models), return_exceptions=True
    )
    assert [type(outcome) for outcome in outcomes].count(ModelMismatch) == 4


async def test_a_memory_that_the_index_refuses_is_counted(redis: Redis) -> None:
    assert await schema.indexing_failures(redis) == 0
    await put(redis, make("m1"), vectors=[b"too short"])
    assert await schema.indexing_failures(redis) == 1


async def test_keys_of_other_families_are_not_indexed(redis: Redis) -> None:
    await redis.hset("am:own:{1}:a:b:u:c", "owner", "x")
    info = await command(redis, "FT.INFO", "am:index")
    assert info[b"num_docs"] == 0
