from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from redis.asyncio import Redis

from memory_service.domain.errors import (
    Contention,
    EtagMismatch,
    MemoryNotFound,
    RequestIdReused,
)
from memory_service.domain.filters import AnyOf, Filter, TagField
from memory_service.domain.memory import MemoryType, NewMemory
from memory_service.domain.owner import Owner
from memory_service.domain.reconcile import Outcome
from memory_service.domain.requests import RequestKey
from memory_service.domain.search import Selection
from memory_service.keyed_locks import KeyedLocks
from memory_service.long_term import DELETE_BATCH, LongTermMemory
from memory_service.store.keys import OwnerKeys
from memory_service.store.memories import Fence
from memory_service.store.search import MemorySearch
from tests.support.embedding import FakeEmbedding
from tests.support.extraction import NOW, World, dump, new_world
from tests.support.memories import ALICE, BOB, vector

REQUEST = RequestKey("CreateMemories", "r1", "arguments")


@pytest.fixture
async def world(redis: Redis) -> World:
    return await new_world(redis)


@pytest.fixture
def embedding() -> FakeEmbedding:
    return FakeEmbedding()


@pytest.fixture
def memory(world: World, embedding: FakeEmbedding) -> LongTermMemory:
    return process(world, embedding)


def process(world: World, embedding: FakeEmbedding) -> LongTermMemory:
    search = MemorySearch(world.redis)
    locks = KeyedLocks[Owner]()
    return LongTermMemory(world.memories, search, embedding, locks, world.clock)


def fact(text: str, id_: str = "", topics: tuple[str, ...] = ()) -> NewMemory:
    return NewMemory(id_, text, MemoryType.SEMANTIC, topics=topics)


async def delete(memory: LongTermMemory, *ids: str, etag: str = "", dry_run: bool = False):
    return await memory.delete(ALICE, ids, etag=etag, dry_run=dry_run, request=None)


async def test_memories_are_created_with_vectors_and_read_back(world, memory):
    created = await memory.create(ALICE, [fact("a", "x"), fact("b")], None)
    assert [d.outcome for d in created.decisions] == [Outcome.CREATED] * 2
    assert created.revision == 2
    assert all(d.memory.embedded for d in created.decisions)
    for decision in created.decisions:
        assert await memory.get(ALICE, decision.memory.id) == decision.memory
    assert created.decisions[0].memory.id == "x"
    with pytest.raises(MemoryNotFound):
        await memory.get(BOB, "x")


async def test_without_an_extractor_they_are_created_and_wait_for_their_vectors(
    world, memory, embedding
):
    embedding.down = True
    created = await memory.create(ALICE, [fact("a", "x")], None)
    assert not created.decisions[0].memory.embedded
    assert await world.redis.scard(OwnerKeys(ALICE).shared.unembedded) == 1


async def test_each_is_answered_for_itself(memory):
    await memory.create(ALICE, [fact("a", "x")], None)
    created = await memory.create(ALICE, [fact("A."), fact("b", "x"), fact("c")], None)
    outcomes = [d.outcome for d in created.decisions]
    assert outcomes == [Outcome.DUPLICATE, Outcome.ID_REUSED, Outcome.CREATED]
    assert created.decisions[0].memory.id == "x"
    assert created.decisions[1].memory is None
    assert created.revision == 2


async def test_a_repeat_gets_the_first_answer_without_asking_the_extractor(
    world, memory, embedding
):
    first = await memory.create(ALICE, [fact("a")], REQUEST)
    await delete(memory, first.decisions[0].memory.id)
    before, asked = await dump(world.redis), list(embedding.asked)
    assert await memory.create(ALICE, [fact("a")], REQUEST) == first
    assert await dump(world.redis) == before
    assert embedding.asked == asked
    with pytest.raises(RequestIdReused):
        await memory.create(ALICE, [fact("b")], replace(REQUEST, arguments="other"))


async def test_one_request_from_many_processes_at_once_is_done_once(world, embedding):
    processes = [process(world, embedding) for _ in range(8)]
    answers = await asyncio.gather(*(p.create(ALICE, [fact("a")], REQUEST) for p in processes))
    assert all(answer == answers[0] for answer in answers)
    assert answers[0].decisions[0].outcome is Outcome.CREATED
    assert await world.texts() == ["a"]


async def test_many_processes_create_for_one_owner_without_losing_any(world, embedding):
    processes = [process(world, embedding) for _ in range(6)]
    answers = await asyncio.gather(
        *(p.create(ALICE, [fact(f"a {n}"), fact("same")], None) for n, p in enumerate(processes))
    )
    outcomes = [a.decisions[1].outcome for a in answers]
    assert outcomes.count(Outcome.CREATED) == 1
    stored = await world.stored()
    assert len(stored) == 7
    assert sorted(m.revision for m in stored) == list(range(1, 8))
    assert len({m.created for m in stored}) == 7


async def test_an_owner_who_never_holds_still_is_given_up(world, memory, monkeypatch):
    async def moved(*args, **kwargs) -> Fence:
        return Fence.REVISION

    monkeypatch.setattr(world.memories, "commit", moved)
    with pytest.raises(Contention):
        await memory.create(ALICE, [fact("a")], None)
    with pytest.raises(Contention):
        await delete(memory, "x")


async def test_deleting_names_what_was_not_there(world, memory):
    await memory.create(ALICE, [fact("a", "x"), fact("b", "y")], None)
    deleted = await delete(memory, "x", "none", "x")
    assert (deleted.count, deleted.missing, deleted.revision) == (1, ("none",), 3)
    assert await world.texts() == ["b"]
    again = await delete(memory, "x")
    assert (again.count, again.missing, again.revision) == (0, ("x",), 3)


async def test_a_dry_run_only_counts(world, memory):
    await memory.create(ALICE, [fact("a", "x")], None)
    before = await dump(world.redis)
    deleted = await delete(memory, "x", "none", dry_run=True)
    assert (deleted.count, deleted.missing, deleted.revision) == (1, ("none",), 1)
    everything = Selection((ALICE,))
    counted = await memory.delete_matching(everything, dry_run=True, request=REQUEST)
    assert (counted.count, counted.revision) == (1, 1)
    assert await dump(world.redis) == before


async def test_an_etag_must_be_the_current_one(world, memory):
    created = await memory.create(ALICE, [fact("a", "x")], None)
    with pytest.raises(EtagMismatch):
        await delete(memory, "x", etag="ffff")
    assert await world.texts() == ["a"]
    deleted = await delete(memory, "x", etag=created.decisions[0].memory.etag)
    assert deleted.count == 1


async def test_a_repeated_deletion_gets_the_first_answer(memory):
    await memory.create(ALICE, [fact("a", "x")], None)
    request = replace(REQUEST, method="DeleteMemories")

    async def once():
        return await memory.delete(ALICE, ["x", "y"], etag="", dry_run=False, request=request)

    first = await once()
    assert (first.count, first.missing) == (1, ("y",))
    await memory.create(ALICE, [fact("a", "x")], None)
    assert await once() == first
    assert (await memory.get(ALICE, "x")).text == "a"


async def test_deleting_by_filter_takes_what_matches_of_this_owner_and_no_more(world, memory):
    many = [fact(f"a {n}", topics=("old",)) for n in range(DELETE_BATCH + 20)]
    for start in range(0, len(many), 128):
        await memory.create(ALICE, many[start : start + 128], None)
    await memory.create(ALICE, [fact("keep", topics=("new",))], None)
    await memory.create(BOB, [fact("bob", topics=("old",))], None)
    old = Selection((ALICE,), filter=Filter(must=(AnyOf(TagField.TOPIC, ("old",)),)))
    deleted = await memory.delete_matching(old, dry_run=False, request=REQUEST)
    assert (deleted.count, deleted.missing) == (len(many), ())
    assert deleted.revision == 2 * len(many) + 1
    assert await world.texts() == ["keep"]
    assert await world.texts(BOB) == ["bob"]
    await memory.create(ALICE, [fact("a 1", topics=("old",))], None)
    assert await memory.delete_matching(old, dry_run=False, request=REQUEST) == deleted
    assert sorted(await world.texts()) == ["a 1", "keep"]


async def test_create_times_grow_though_the_clock_stands_still(world, memory):
    for n in range(3):
        await memory.create(ALICE, [fact(f"a {n}")], None)
    world.clock.time -= 1_000_000
    await memory.create(ALICE, [fact("later")], None)
    assert [m.created for m in await world.stored()] == [NOW, NOW + 1, NOW + 2, NOW + 3]
    assert (await world.texts())[-1] == "later"
    assert vector(1) == await world.redis.hget(
        OwnerKeys(ALICE).memory((await world.stored())[-1].id), "vector"
    )
