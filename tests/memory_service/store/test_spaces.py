from __future__ import annotations

import asyncio

import pytest
from redis.asyncio import Redis

from memory_service.store import schema, spaces
from memory_service.store.connection import command
from memory_service.store.keys import SCHEMA
from memory_service.store.spaces import Model, ModelMismatch, Space
from tests.support.redis import DIMENSION

OLD = Model("mini", "53aa51", DIMENSION)
NEW = Model("maxi", "1", 16)


async def build(redis: Redis) -> Space:
    """Make the space of NEW, as a re-embedding does."""
    await spaces.record_model(redis, NEW, NEW.tag)
    return await schema.build(redis, Space(NEW.tag, NEW.dimension, str(NEW)), "FLAT")


async def test_the_first_model_stays_the_model_of_its_space(redis: Redis) -> None:
    for _ in range(2):
        await spaces.record_model(redis, OLD)
    for other in (
        Model("mini", "other", DIMENSION),
        Model("maxi", "53aa51", DIMENSION),
        Model("mini", "53aa51", 768),
    ):
        with pytest.raises(ModelMismatch):
            await spaces.record_model(redis, other)
    await spaces.record_model(redis, NEW, NEW.tag)


async def test_of_two_models_at_the_same_time_one_is_recorded(redis: Redis) -> None:
    models = [Model(str(i), "1", DIMENSION) for i in range(5)]
    outcomes = await asyncio.gather(
        *(spaces.record_model(redis, model) for model in models), return_exceptions=True
    )
    assert [type(outcome) for outcome in outcomes].count(ModelMismatch) == 4


def test_spaces_have_tags_and_fields_of_their_own() -> None:
    tags = {
        Model("a", "1", 8).tag,
        Model("a", "1", 16).tag,
        Model("a", "2", 8).tag,
        Model("b", "1", 8).tag,
    }
    assert len(tags) == 4
    assert all(len(tag) == 8 for tag in tags)
    assert (Space().vector_field, Space().embedded_field) == ("vector", "embedded")
    other = Space("0a1b2c3d")
    assert (other.vector_field, other.embedded_field) == ("vector:0a1b2c3d", "embedded:0a1b2c3d")


async def test_a_switch_moves_the_database_and_the_alias(redis: Redis) -> None:
    await schema.ensure(redis, dimension=DIMENSION, model=OLD)
    new = await build(redis)
    assert await spaces.current_tag(redis) == ""
    for _ in range(2):
        await spaces.switch(redis, new)
        assert await spaces.current_tag(redis) == NEW.tag
        assert await spaces.unfinished(redis)
        assert (await command(redis, "FT.INFO", "am:index"))[b"index_name"] == new.index.encode()
    assert await schema.ensure(redis, dimension=1, model=NEW) == new
    with pytest.raises(ModelMismatch):
        await schema.ensure(redis, dimension=1, model=OLD)


async def test_other_spaces_can_be_forgotten(redis: Redis) -> None:
    await schema.ensure(redis, dimension=DIMENSION, model=OLD)
    new = await build(redis)
    await spaces.switch(redis, new)
    assert await spaces.drop_other_indexes(redis, new.index) == 1
    await spaces.forget_others(redis)
    assert await command(redis, "FT._LIST") == [new.index.encode()]
    assert await redis.hgetall(SCHEMA) == {
        b"space": NEW.tag.encode(),
        f"dimension:{NEW.tag}".encode(): b"16",
        f"model:{NEW.tag}".encode(): b"maxi@1",
    }
    assert not await spaces.unfinished(redis)
    assert await schema.ensure(redis, dimension=1, model=NEW) == new
