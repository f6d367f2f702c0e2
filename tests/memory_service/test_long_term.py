from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from redis.asyncio import Redis

from memory_service import long_term
from memory_service.domain.changes import Outcome
from memory_service.domain.errors import (
    Contention,
    EtagMismatch,
    MemoryNotFound,
    RequestIdReused,
)
from memory_service.domain.filters import AnyOf, Filter, TagField
from memory_service.domain.memory import MemoryType, NewMemory
from memory_service.domain.owner import Owner
from memory_service.domain.requests import RequestKey
from memory_service.domain.search import Selection
from memory_service.keyed_locks import KeyedLocks
from memory_service.long_term import DELETE_BATCH, LongTermMemory
from memory_service.store.answers import Deleted
from memory_service.store.erasing import Eraser
from memory_service.store.keys import OwnerKeys
from memory_service.store.memories import Fence, MemoryStore
from memory_service.store.scripts import Scripts
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
    return LongTermMemory(world.memories, search, embedding, world.reconciling, locks, world.clock)


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


DELETION = RequestKey("DeleteMemories", "r1", "arguments")
EVERYTHING = Selection((ALICE,))


async def delete_everything(memory: LongTermMemory, request: RequestKey | None = DELETION):
    return await memory.delete_matching(EVERYTHING, dry_run=False, request=request)


@pytest.fixture
async def many(world: World, memory: LongTermMemory, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(long_term, "DELETE_BATCH", 10)
    await memory.create(ALICE, [fact(f"fact {n}") for n in range(35)], None)
    return 35


async def break_off(world: World, memory: LongTermMemory, *, after: int) -> None:
    """Delete everything, and cancel the call after so many commits."""
    held = asyncio.Event()
    commits = 0
    real = world.memories.commit

    async def commit(*args, **kwargs):
        nonlocal commits
        if commits == after:
            held.set()
            await asyncio.Event().wait()
        commits += 1
        return await real(*args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(world.memories, "commit", commit)
        task = asyncio.create_task(delete_everything(memory))
        await asyncio.wait_for(held.wait(), 10)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_a_deletion_broken_off_is_finished_by_another_process_and_counted_as_a_whole(
    world, memory, embedding, many
):
    await break_off(world, memory, after=2)
    assert len(await world.stored()) == many - 20
    deleted = await delete_everything(process(world, embedding))
    assert deleted.count == many
    assert deleted.revision == 2 * many
    assert await world.stored() == []
    assert not await world.redis.exists(OwnerKeys(ALICE).job(DELETION.method, DELETION.id))
    await memory.create(ALICE, [fact("new")], None)
    assert await delete_everything(memory) == deleted
    assert await world.texts() == ["new"]


async def test_the_id_of_an_unfinished_deletion_is_taken(world, memory, many):
    await break_off(world, memory, after=1)
    left = [m.id for m in await world.stored()]
    other = replace(DELETION, arguments="other")
    with pytest.raises(RequestIdReused):
        await delete_everything(memory, other)
    with pytest.raises(RequestIdReused):
        await memory.delete(ALICE, left[:1], etag="", dry_run=False, request=other)
    assert [m.id for m in await world.stored()] == left
    assert (await delete_everything(memory)).count == many


async def test_two_deletions_of_one_request_at_the_same_time_count_nothing_twice(
    world, embedding, many
):
    processes = [process(world, embedding) for _ in range(4)]
    answers = await asyncio.gather(*(delete_everything(p) for p in processes))
    assert [answer.count for answer in answers] == [many] * 4
    assert len({answer.revision for answer in answers}) == 1


async def test_deletions_without_an_id_at_the_same_time_delete_each_memory_once(
    world, embedding, many
):
    processes = [process(world, embedding) for _ in range(4)]
    answers = await asyncio.gather(*(delete_everything(p, None) for p in processes))
    assert sum(answer.count for answer in answers) == many


async def test_erasing_the_owner_takes_unfinished_deletions_along(world, memory, many):
    await break_off(world, memory, after=1)
    assert await world.redis.exists(OwnerKeys(ALICE).job(DELETION.method, DELETION.id))
    eraser = Eraser(world.redis)
    while [batch async for batch in eraser.round(ALICE)]:
        pass
    assert not await world.redis.exists(OwnerKeys(ALICE).job(DELETION.method, DELETION.id))
    await eraser.finish(ALICE, now=NOW, request=None)
    await memory.create(ALICE, [fact("new")], None)
    assert (await delete_everything(memory)).count == 1


async def test_who_finishes_counts_what_others_deleted_after_he_began(world, embedding, many):
    """The one is held after his first commit, the other until then, having begun before it."""
    one_did, other_may = asyncio.Event(), asyncio.Event()

    class One(MemoryStore):
        async def commit(self, *args, **kwargs):
            if one_did.is_set():
                await other_may.wait()
            written = await super().commit(*args, **kwargs)
            one_did.set()
            return written

    class Other(MemoryStore):
        async def job(self, *args, **kwargs):
            begun = await super().job(*args, **kwargs)
            if not one_did.is_set():
                running.append(asyncio.create_task(delete_everything(processes[0])))
                await one_did.wait()
            return begun

    running: list[asyncio.Task[Deleted]] = []
    scripts = Scripts(world.redis)
    stores = [cls(world.redis, scripts) for cls in (One, Other)]
    processes = [process(replace(world, memories=store), embedding) for store in stores]
    answer = await delete_everything(processes[1])
    other_may.set()
    assert answer.count == many
    assert await running[0] == answer
