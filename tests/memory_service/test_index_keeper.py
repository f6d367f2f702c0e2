from __future__ import annotations

import asyncio
import logging
from functools import partial
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from memory_service.domain.errors import StoreUnavailable
from memory_service.index_keeper import IndexKeeper
from memory_service.store import schema
from memory_service.store.built_index import BuiltIndex
from memory_service.store.connection import command
from memory_service.store.keys import INDEX_ALIAS, SCHEMA
from memory_service.store.spaces import Model, switch
from tests.support.memories import make, put
from tests.support.redis import DIMENSION
from tests.support.waiting import wait_until

MODEL = Model("m", "1", DIMENSION)


async def test_a_lost_index_is_made_again_with_all_that_there_is(bare_redis: Redis) -> None:
    space = await schema.ensure(bare_redis, dimension=DIMENSION)
    await put(bare_redis, make("one"))
    assert not await schema.mend(bare_redis, space, "FLAT")
    await command(bare_redis, "FT.DROPINDEX", space.index)
    assert await schema.mend(bare_redis, space, "FLAT")
    info = await command(bare_redis, "FT.INFO", INDEX_ALIAS)
    assert (info[b"index_name"], int(info[b"num_docs"])) == (space.index.encode(), 1)


@pytest.mark.parametrize("by_a_start", [False, True])
async def test_nobody_takes_a_lost_index_to_be_whole_when_it_is_made_again(
    bare_redis: Redis, monkeypatch: pytest.MonkeyPatch, by_a_start: bool
) -> None:
    space = await schema.ensure(bare_redis, dimension=DIMENSION)
    index, trusted = BuiltIndex(bare_redis, space.index), []
    create = schema._create

    async def notes_who_trusts(*args: Any) -> None:
        trusted.append(await taken_to_be_whole(index))
        await create(*args)

    monkeypatch.setattr(schema, "_create", notes_who_trusts)
    await index.check()
    await command(bare_redis, "FT.DROPINDEX", space.index)
    if by_a_start:
        await schema.ensure(bare_redis, dimension=DIMENSION)
    else:
        assert await schema.mend(bare_redis, space, "FLAT")
    assert trusted == [False]


async def taken_to_be_whole(index: BuiltIndex) -> bool:
    try:
        await index.check()
    except StoreUnavailable:
        return False
    return True


async def test_an_emptied_database_gets_the_space_back(bare_redis: Redis) -> None:
    space = await schema.ensure(bare_redis, dimension=DIMENSION, model=MODEL)
    before = await bare_redis.hgetall(SCHEMA)
    await bare_redis.flushall()
    assert await schema.mend(bare_redis, space, "FLAT")
    after = await bare_redis.hgetall(SCHEMA)
    assert after == before | {b"space": b""}
    assert await schema.ensure(bare_redis, dimension=DIMENSION, model=MODEL) == space


async def test_the_index_of_a_space_that_is_no_more_stays_away(bare_redis: Redis) -> None:
    old = await schema.ensure(bare_redis, dimension=DIMENSION)
    new = await schema.build(bare_redis, schema.Space("abc", DIMENSION), "FLAT")
    await switch(bare_redis, new)
    await bare_redis.hset(SCHEMA, "dimension:abc", str(DIMENSION))
    await bare_redis.hdel(SCHEMA, "dimension")
    await command(bare_redis, "FT.DROPINDEX", old.index)
    assert not await schema.mend(bare_redis, old, "FLAT")
    assert not await schema.exists(bare_redis, old.index)


async def test_an_index_that_is_being_built_is_not_searched(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = BuiltIndex(redis, INDEX_ALIAS)
    building = True

    async def indexing(*_: object) -> bool:
        return building

    monkeypatch.setattr(schema, "indexing", indexing)
    with pytest.raises(StoreUnavailable, match="being built"):
        await index.check()
    building = False
    await index.check()
    building = True
    # It was whole just now, and is not asked again at once.
    await index.check()

    async def asked_again() -> bool:
        return not await taken_to_be_whole(index)

    await wait_until(asked_again, "it is asked again")


async def test_the_keeper_waits_out_trouble_and_says_what_it_did(
    caplog: pytest.LogCaptureFixture,
) -> None:
    answers = [RedisConnectionError("secret"), True, False]

    async def mend() -> bool:
        answer = answers.pop(0) if answers else False
        if isinstance(answer, Exception):
            raise answer
        return answer

    with caplog.at_level(logging.INFO):
        keeping = asyncio.create_task(IndexKeeper(partial(mend), every=0).run())
        await wait_until(lambda: not answers, "it has looked three times")
        keeping.cancel()
        await asyncio.wait([keeping])
    assert [record.getMessage() for record in caplog.records] == [
        "the search index is not looked after: Redis cannot be reached",
        "the search index is whole again",
    ]
