from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from redis.asyncio import Redis

from memory_service.domain.errors import (
    Contention,
    EtagMismatch,
    MemoryExists,
    MemoryNotFound,
    RequestIdReused,
)
from memory_service.domain.memory import Memory, MemoryType, NewMemory
from memory_service.domain.owner import Owner
from memory_service.domain.requests import RequestKey
from memory_service.domain.search import Arm, Selection
from memory_service.keyed_locks import KeyedLocks
from memory_service.long_term import LongTermMemory
from memory_service.store.answers import Changed
from memory_service.store.history import MemoryHistory
from memory_service.store.keys import OwnerKeys
from memory_service.store.memories import Fence
from memory_service.store.search import MemorySearch
from memory_service.updating import MemoryUpdates
from memory_service.vector_sweep import VectorSweep
from tests.support.embedding import FakeEmbedding
from tests.support.extraction import World, dump, new_world
from tests.support.memories import ALICE, BOB, vector
from tests.support.searching import arms_of

REQUEST = RequestKey("UpdateMemory", "r1", "arguments")


@pytest.fixture
async def world(redis: Redis) -> World:
    return await new_world(redis)


@pytest.fixture
def embedding() -> FakeEmbedding:
    return FakeEmbedding({"new": vector(0, 1)})


@pytest.fixture
def updates(world: World, embedding: FakeEmbedding) -> MemoryUpdates:
    return process(world, embedding)


@pytest.fixture
def memory(world: World, embedding: FakeEmbedding) -> LongTermMemory:
    search = MemorySearch(world.redis)
    return LongTermMemory(
        world.memories, search, embedding, world.reconciling, KeyedLocks[Owner](), world.clock
    )


def process(world: World, embedding: FakeEmbedding) -> MemoryUpdates:
    history = MemoryHistory(world.redis)
    return MemoryUpdates(world.memories, history, embedding, KeyedLocks[Owner](), world.clock)


async def created(memory: LongTermMemory, text: str = "old", id_: str = "m") -> Memory:
    new = NewMemory(id_, text, MemoryType.SEMANTIC, topics=("t",))
    (decision,) = (await memory.create(ALICE, [new], None)).decisions
    assert decision.memory is not None
    return decision.memory


async def update(
    updates: MemoryUpdates,
    *,
    etag: str = "",
    request: RequestKey | None = None,
    owner: Owner = ALICE,
    **values: object,
) -> Changed:
    return await updates.update(owner, "m", values, etag=etag, request=request)


async def restore(
    updates: MemoryUpdates,
    revision: int = 0,
    *,
    etag: str = "",
    request: RequestKey | None = None,
    owner: Owner = ALICE,
) -> Changed:
    return await updates.restore(owner, "m", revision, etag=etag, request=request)


async def delete(memory: LongTermMemory) -> None:
    await memory.delete(ALICE, ["m"], etag="", dry_run=False, request=None)


async def nearest(world: World, to: bytes) -> list[tuple[str, float]]:
    arms = await arms_of(
        MemorySearch(world.redis), Selection((ALICE,)), vector=to, words=(), k=9, timeout_ms=1000
    )
    return [(c.memory.text, round(c.raw, 3)) for c in arms[Arm.SEMANTIC]]


async def test_an_update_is_read_back_and_its_text_is_found_by_meaning(world, memory, updates):
    before = await created(memory)
    changed = await update(updates, text="new", pinned=True, topics=())
    assert changed.memory == await memory.get(ALICE, "m")
    assert (changed.memory.text, changed.memory.pinned, changed.memory.topics) == ("new", True, ())
    assert changed.revision == changed.memory.revision == before.revision + 1
    assert changed.memory.created == before.created
    assert await nearest(world, vector(0, 1)) == [("new", 1.0)]


async def test_without_an_extractor_a_new_text_waits_for_its_vector(
    world, memory, updates, embedding
):
    await created(memory)
    embedding.down = True
    assert not (await update(updates, text="new")).memory.embedded
    assert await nearest(world, vector(1)) == []
    embedding.down = False
    assert await VectorSweep(world.memories, embedding, every=1).sweep() == 1
    assert await nearest(world, vector(0, 1)) == [("new", 1.0)]


async def test_without_a_new_text_the_extractor_is_not_asked(memory, updates, embedding):
    await created(memory)
    embedding.asked.clear()
    assert (await update(updates, pinned=True)).memory.embedded
    assert embedding.asked == []


async def test_an_update_that_changes_nothing_takes_no_revision(world, memory, updates):
    before = await created(memory)
    stored = await dump(world.redis)
    assert await update(updates, text="old", topics=("t",)) == Changed(before, before.revision)
    assert await dump(world.redis) == stored


async def test_no_two_memories_come_to_say_the_same(world, memory, updates):
    await created(memory)
    await created(memory, "taken", "other")
    stored = await dump(world.redis)
    with pytest.raises(MemoryExists):
        await update(updates, text="TAKEN.")
    assert await dump(world.redis) == stored
    assert (await update(updates, text="taken", type=MemoryType.EPISODIC)).memory.text == "taken"


async def test_what_is_not_the_owners_is_not_there(world, memory, updates):
    await created(memory)
    stored = await dump(world.redis)
    with pytest.raises(MemoryNotFound):
        await update(updates, owner=BOB, pinned=True)
    with pytest.raises(MemoryNotFound):
        await restore(updates, owner=BOB)
    assert await dump(world.redis) == stored


async def test_an_etag_must_be_the_current_one(world, memory, updates):
    before = await created(memory)
    changed = await update(updates, text="new", etag=before.etag)
    for call in (
        update(updates, text="newer", etag=before.etag),
        restore(updates, etag=before.etag),
    ):
        with pytest.raises(EtagMismatch):
            await call
    assert (await restore(updates, etag=changed.memory.etag)).memory.text == "old"


async def test_of_many_writers_with_one_etag_one_wins(world, memory, embedding):
    before = await created(memory)
    results = await asyncio.gather(
        *(update(process(world, embedding), text=f"by {n}", etag=before.etag) for n in range(8)),
        return_exceptions=True,
    )
    won = [result for result in results if isinstance(result, Changed)]
    assert len(won) == 1
    assert [r for r in results if r not in won and not isinstance(r, EtagMismatch)] == []
    assert await memory.get(ALICE, "m") == won[0].memory


async def test_a_repeat_gets_the_first_answer(world, memory, updates):
    await created(memory)
    first = await update(updates, text="new", request=REQUEST)
    await update(updates, text="newer")
    stored = await dump(world.redis)
    assert await update(updates, text="new", request=REQUEST) == first
    with pytest.raises(RequestIdReused):
        await update(updates, text="x", request=replace(REQUEST, arguments="other"))
    assert await dump(world.redis) == stored
    again = replace(REQUEST, method="RestoreMemory")
    restored = await restore(updates, request=again)
    assert restored.memory.text == "new"
    assert await restore(updates, request=again) == restored


async def test_a_deleted_memory_comes_back_as_it_was(world, memory, updates):
    before = await created(memory)
    await delete(memory)
    back = await restore(updates)
    assert back.memory == replace(before, revision=before.revision + 2, updated=back.memory.updated)
    assert back.revision == before.revision + 2
    assert await memory.get(ALICE, "m") == back.memory
    assert await nearest(world, vector(1)) == [("old", 1.0)]
    assert (await created(memory)).id == "m"


async def test_a_deleted_memory_has_no_etag_to_be_restored_over(memory, updates):
    before = await created(memory)
    await delete(memory)
    with pytest.raises(EtagMismatch):
        await restore(updates, etag=before.etag)


async def test_without_an_extractor_what_is_restored_waits_for_its_vector(
    world, memory, updates, embedding
):
    await created(memory)
    await update(updates, text="new")
    embedding.down = True
    assert not (await restore(updates)).memory.embedded
    keys = OwnerKeys(ALICE)
    assert await world.redis.smembers(keys.shared.unembedded) == {keys.memory("m").encode()}


async def test_any_earlier_state_can_be_restored_by_its_revision(memory, updates):
    before = await created(memory)
    await update(updates, text="new")
    await update(updates, text="newer")
    assert (await restore(updates, before.revision)).memory.text == "old"
    now = await restore(updates)
    assert now.memory.text == "newer"
    assert await restore(updates, now.memory.revision) == now
    with pytest.raises(MemoryNotFound):
        await restore(updates, 99)


async def test_a_memory_that_never_changed_has_nothing_to_restore(memory, updates):
    await created(memory)
    with pytest.raises(MemoryNotFound):
        await restore(updates)


async def test_what_another_memory_says_by_now_is_not_restored(world, memory, updates):
    await created(memory)
    await update(updates, text="new")
    await created(memory, "old", "other")
    with pytest.raises(MemoryExists):
        await restore(updates)
    await delete(memory)
    await created(memory, "new", "third")
    with pytest.raises(MemoryExists):
        await restore(updates)
    assert sorted(await world.texts()) == ["new", "old"]


async def test_an_owner_who_never_holds_still_is_given_up(world, memory, updates, monkeypatch):
    await created(memory)

    async def moved(*args: object, **kwargs: object) -> Fence:
        return Fence.REVISION

    monkeypatch.setattr(world.memories, "commit", moved)
    with pytest.raises(Contention):
        await update(updates, text="new")
