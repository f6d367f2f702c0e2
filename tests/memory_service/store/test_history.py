from __future__ import annotations

import pytest
from redis.asyncio import Redis

from memory_service.domain.changes import Cause
from memory_service.domain.deleting import delete
from memory_service.domain.errors import MemoryNotFound
from memory_service.domain.memory import EventTime, NewMemory, Precision, Source
from memory_service.domain.reconcile import reconcile
from memory_service.domain.updating import Edit, update
from memory_service.store.history import (
    DELETED_KEPT_SECONDS,
    EARLIER_KEPT,
    STATES_AT_ONCE,
    MemoryHistory,
)
from memory_service.store.keys import OwnerKeys
from tests.support.extraction import NOW, World, new_world
from tests.support.memories import ALICE, BOB, make, vector

KEYS = OwnerKeys(ALICE)


@pytest.fixture
async def world(redis: Redis) -> World:
    return await new_world(redis)


@pytest.fixture
def history(redis: Redis) -> MemoryHistory:
    return MemoryHistory(redis)


async def create(world: World, **fields: object) -> None:
    new = NewMemory(**{"id": "m", "text": "a", "type": make("x").type, **fields})
    known = await world.memories.known(ALICE, (), [new.id])
    plan = reconcile(ALICE, [new], known, NOW)
    assert await world.memories.commit(ALICE, plan, base=known.state) == b""


async def change(
    world: World, *, with_vector: bytes | None = None, at: int = NOW + 1, **values: object
) -> Edit:
    known = await world.memories.known(ALICE, (), ["m"])
    edit = update(known.by_id["m"], values, with_vector, known.state, at)
    assert await world.memories.commit(ALICE, edit.plan, base=known.state) == b""
    return edit


async def remove(world: World) -> None:
    known = await world.memories.known(ALICE, (), ["m"])
    plan = delete([known.by_id["m"]], known.state, NOW + 2)
    assert await world.memories.commit(ALICE, plan, base=known.state) == b""


async def test_fields_that_became_empty_leave_the_hash(world):
    await create(
        world,
        text="cello",
        topics=("t",),
        entities=make("x", entities=["e"]).entities,
        event_time=EventTime(5, Precision.DAY),
        metadata='{"k": 1}',
        pinned=True,
        vector=vector(1),
    )
    gone = {b"topic", b"entity", b"event_time", b"meta", b"pinned"}
    assert set(await world.redis.hkeys(KEYS.memory("m"))) >= gone
    await change(world, topics=(), entities=(), event_time=None, metadata="", pinned=False)
    fields = set(await world.redis.hkeys(KEYS.memory("m")))
    assert fields & gone == set()
    assert {b"vector", b"embedded", b"terms"} <= fields
    await change(world, text="\u2026")
    assert b"terms" not in await world.redis.hkeys(KEYS.memory("m"))


async def test_a_new_text_without_a_vector_waits_for_one_and_with_one_does_not(world):
    await create(world, vector=vector(1))
    await change(world, text="b")
    fields = set(await world.redis.hkeys(KEYS.memory("m")))
    assert fields & {b"vector", b"embedded"} == set()
    assert await world.redis.smembers(KEYS.shared.unembedded) == {KEYS.memory("m").encode()}
    await change(world, text="c", with_vector=vector(0, 1))
    assert await world.redis.hget(KEYS.memory("m"), "vector") == vector(0, 1)
    assert await world.redis.scard(KEYS.shared.unembedded) == 0


async def test_a_vector_of_the_text_before_does_not_come_to_a_new_text(world):
    await create(world)
    key = KEYS.memory("m")
    (body,) = await world.memories.bodies([key])
    await change(world, text="b")
    assert not await world.memories.set_vector(key, body, vector(1))
    assert not (await world.memories.get(ALICE, ["m"]))["m"].embedded


async def test_the_words_of_before_are_free_and_the_new_ones_are_known(world):
    await create(world)
    await change(world, text="b")
    assert await world.redis.hvals(KEYS.facts) == [b"m"]
    await create(world, id="other")
    assert await world.texts() == ["b", "a"]


async def test_earlier_states_are_read_newest_first_and_page_by_page(world, history):
    await create(world, sources=(Source("s", "1"),), metadata='{"k": 1}', pinned=True)
    assert await history.page(ALICE, "m", before=None, limit=9) == []
    first = (await world.memories.get(ALICE, ["m"]))["m"]
    second = (await change(world, text="b")).memory
    await change(world, text="c")
    (at3, third), (at2, fourth) = await history.page(ALICE, "m", before=None, limit=9)
    assert (at3, at2) == (3, 2)
    assert (third.memory, third.replaced, third.cause) == (second, NOW + 1, Cause.UPDATE)
    assert fourth.memory == first
    assert await history.page(ALICE, "m", before=3, limit=9) == [(2, fourth)]
    assert await history.page(ALICE, "m", before=None, limit=1) == [(3, third)]
    assert await history.find(ALICE, "m", 0) == third
    assert await history.find(ALICE, "m", first.revision) == fourth
    assert await history.find(ALICE, "m", 99) is None


async def test_of_many_earlier_states_the_newest_are_kept(world, history):
    await create(world)
    for n in range(EARLIER_KEPT + 3):
        await change(world, text=f"b {n}")
    states = await history.page(ALICE, "m", before=None, limit=1000)
    assert len(states) == EARLIER_KEPT
    assert states[0][1].memory.text == f"b {EARLIER_KEPT + 1}"


async def test_what_was_deleted_is_kept_for_a_time_and_longer_if_it_comes_back(world, history):
    await create(world)
    await remove(world)
    ((_, earlier),) = await history.page(ALICE, "m", before=None, limit=9)
    assert (earlier.memory.text, earlier.replaced, earlier.cause) == ("a", NOW + 2, Cause.DELETE)
    left = await world.redis.ttl(KEYS.history("m"))
    assert 0 < left <= DELETED_KEPT_SECONDS
    await create(world)
    assert await world.redis.ttl(KEYS.history("m")) == -1


async def test_a_history_is_its_owners_alone(world, history):
    await create(world)
    await change(world, text="b")
    with pytest.raises(MemoryNotFound):
        await history.page(BOB, "m", before=None, limit=9)
    with pytest.raises(MemoryNotFound):
        await history.page(ALICE, "never there", before=None, limit=9)


async def test_a_memory_is_shown_as_it_was_at_any_time(world, history):
    await create(world, vector=vector(1))
    first = (await world.memories.get(ALICE, ["m"]))["m"]
    second = (await change(world, at=NOW + 10, text="b")).memory
    third = (await change(world, at=NOW + 20, topics=("t",))).memory
    await create(world, id="other", text="z")
    other = (await world.memories.get(ALICE, ["other"]))["other"]
    expected = {NOW - 1: first, NOW: first, NOW + 9: first, NOW + 10: second, NOW + 19: second}
    for time, state in {**expected, NOW + 20: third, NOW + 99: third}.items():
        assert await history.as_of([third, other], time) == [state, other], time
    assert await history.as_of([], NOW) == []


async def test_the_oldest_state_kept_stands_for_those_before_it(world, history):
    await create(world)
    for n in range(EARLIER_KEPT + 3):
        latest = (await change(world, at=NOW + n, text=f"b {n}")).memory
    (state,) = await history.as_of([latest], NOW - 5)
    assert state.text == "b 2"


async def test_many_histories_are_read_in_several_steps(world, history):
    ids = [f"m{n}" for n in range(STATES_AT_ONCE + 3)]
    for id_ in ids:
        await create(world, id=id_, text=id_)
    memories = list((await world.memories.get(ALICE, ids)).values())
    assert await history.as_of(memories, NOW) == memories
