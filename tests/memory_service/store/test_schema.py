from __future__ import annotations

import asyncio

import pytest
from redis.asyncio import Redis

from memory_service.domain.errors import StoreUnavailable
from memory_service.domain.search import Arm, Selection
from memory_service.store import schema
from memory_service.store.connection import command
from memory_service.store.keys import SCHEMA
from memory_service.store.search import MemorySearch
from memory_service.store.spaces import Model, ModelMismatch, Space
from tests.support.memories import ALICE, make, put, vector
from tests.support.redis import DIMENSION
from tests.support.searching import arms_of

SELECTION = Selection((ALICE,))
INDEX = b"am:index:3:flat:8"


async def test_starters_at_the_same_time_make_one_index(bare_redis: Redis) -> None:
    await asyncio.gather(*(schema.ensure(bare_redis, dimension=DIMENSION) for _ in range(8)))
    assert await command(bare_redis, "FT._LIST") == [INDEX]
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


async def test_another_algorithm_gets_an_index_beside_the_one_that_is_searched(
    redis: Redis,
) -> None:
    await put(redis, make("m1"), vectors=[vector(1)])
    flat = await schema.ensure(redis, dimension=DIMENSION)
    hnsw = await schema.ensure(redis, dimension=DIMENSION, algorithm="HNSW")
    assert (flat.index, hnsw.index) == (INDEX.decode(), "am:index:3:hnsw:8")
    assert sorted(await command(redis, "FT._LIST")) == [INDEX, b"am:index:3:hnsw:8"]
    for space in (flat, hnsw, Space()):
        arms = await arms_of(
            MemorySearch(redis, space), SELECTION, vector=vector(1), words=[], k=1, timeout_ms=1000
        )
        assert [found.memory.id for found in arms[Arm.SEMANTIC]] == ["m1"]
        assert arms[Arm.SEMANTIC][0].memory.embedded
    info = await command(redis, "FT.INFO", "am:index")
    assert info[b"index_name"] == b"am:index:3:hnsw:8"


async def test_the_first_dimension_stays(redis: Redis) -> None:
    space = await schema.ensure(redis, dimension=768)
    assert (space.dimension, space.tag, space.model) == (DIMENSION, "", "")
    assert await command(redis, "FT._LIST") == [INDEX]


async def test_a_start_with_another_model_is_refused_in_one_line_with_the_command(
    redis: Redis,
) -> None:
    ours, theirs = Model("mini", "1", DIMENSION), Model("maxi", "1", 768)
    space = await schema.ensure(redis, dimension=1, model=ours)
    assert (space.dimension, space.model) == (DIMENSION, "mini@1")
    with pytest.raises(ModelMismatch, match=r"`python -m memory_service\.reembed`") as raised:
        await schema.ensure(redis, dimension=768, model=theirs)
    assert "\n" not in str(raised.value)
    assert await command(redis, "FT._LIST") == [INDEX]


async def test_a_new_database_takes_the_dimension_of_the_model(bare_redis: Redis) -> None:
    model = Model("maxi", "1", 16)
    space = await schema.ensure(bare_redis, dimension=model.dimension, model=model)
    assert space == Space("", 16, "maxi@1", "am:index:3:flat:16")
    assert await bare_redis.hgetall(SCHEMA) == {b"dimension": b"16", b"model": b"maxi@1"}


async def test_a_memory_that_the_index_refuses_is_counted(redis: Redis) -> None:
    assert await schema.indexing_failures(redis) == 0
    await put(redis, make("m1"), vectors=[b"too short"])
    assert await schema.indexing_failures(redis) == 1


async def test_keys_of_other_families_are_not_indexed(redis: Redis) -> None:
    await redis.hset("am:own:{1}:a:b:u:c", "owner", "x")
    info = await command(redis, "FT.INFO", "am:index")
    assert info[b"num_docs"] == 0
