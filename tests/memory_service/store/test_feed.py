from __future__ import annotations

import pytest
from redis.asyncio import Redis

from memory_service.domain.changes import ChangeKind
from memory_service.domain.deleting import delete
from memory_service.domain.errors import RevisionTrimmed
from memory_service.domain.memory import MemoryType, NewMemory, Source, fact_digest
from memory_service.domain.owner import Owner
from memory_service.domain.reconcile import reconcile
from memory_service.store.feed import ChangeFeed, FeedBatch, FeedEntry
from memory_service.store.keys import OwnerKeys
from tests.support.extraction import NOW, World, new_world
from tests.support.memories import ALICE, BOB


@pytest.fixture
async def world(redis: Redis) -> World:
    return await new_world(redis)


async def create(world: World, *ids: str, owner: Owner = ALICE, **fields: object) -> None:
    new = [NewMemory(**{"id": i, "text": i, "type": MemoryType.SEMANTIC, **fields}) for i in ids]
    known = await world.memories.known(owner, [fact_digest(memory) for memory in new], list(ids))
    plan = reconcile(owner, new, known, NOW)
    assert await world.memories.commit(owner, plan, base=known.state) == b""


def created(revision: int, memory_id: str) -> FeedEntry:
    return FeedEntry(revision, ChangeKind.CREATED, memory_id, MemoryType.SEMANTIC)


async def test_a_feed_is_read_batch_by_batch_in_order(world: World):
    await create(world, "a", "b")
    await create(world, "c")
    feed = ChangeFeed(world.redis)
    first = await feed.read(ALICE, 0, limit=2)
    assert first == FeedBatch((created(1, "a"), created(2, "b")), 2, last=False)
    assert await feed.read(ALICE, 2, limit=2) == FeedBatch((created(3, "c"),), 3, last=True)
    assert await feed.read(ALICE, 3, limit=2) == FeedBatch((), 3, last=True)


async def test_a_deletion_is_in_the_feed(world: World):
    await create(world, "a")
    known = await world.memories.known(ALICE, (), ["a"])
    plan = delete([known.by_id["a"]], known.state, NOW)
    await world.memories.commit(ALICE, plan, base=known.state)
    (entry,) = (await ChangeFeed(world.redis).read(ALICE, 1, limit=9)).entries
    assert (entry.revision, entry.kind, entry.memory_id) == (2, ChangeKind.DELETED, "a")


async def test_who_has_no_memories_has_an_empty_feed(world: World):
    await create(world, "a")
    assert await ChangeFeed(world.redis).read(BOB, 0, limit=9) == FeedBatch((), 0, last=True)


async def test_a_revision_that_never_was_is_refused(world: World):
    await create(world, "a")
    feed = ChangeFeed(world.redis)
    with pytest.raises(RevisionTrimmed):
        await feed.read(ALICE, 2, limit=9)
    with pytest.raises(RevisionTrimmed):
        await feed.read(BOB, 2**63 - 1, limit=9)


async def test_a_feed_that_was_trimmed_is_read_from_what_is_left_only(world: World):
    await create(world, *(f"m{n}" for n in range(1, 11)))
    await world.redis.xtrim(OwnerKeys(ALICE).changes, maxlen=3, approximate=False)
    feed = ChangeFeed(world.redis)
    assert [entry.revision for entry in (await feed.read(ALICE, 7, limit=9)).entries] == [8, 9, 10]
    with pytest.raises(RevisionTrimmed):
        await feed.read(ALICE, 6, limit=9)


async def test_a_revision_without_a_change_of_its_own_is_no_sign_of_trimming(world: World):
    # Said twice in one plan, with two sources: one change, but two revisions.
    new = [
        NewMemory("", "a", MemoryType.SEMANTIC, sources=(Source("s", message),))
        for message in ("1", "2")
    ]
    known = await world.memories.known(ALICE, [fact_digest(new[0])], ())
    plan = reconcile(ALICE, new, known, NOW)
    await world.memories.commit(ALICE, plan, base=known.state)
    batch = await ChangeFeed(world.redis).read(ALICE, 0, limit=9)
    assert [entry.revision for entry in batch.entries] == [2]


async def test_revisions_are_asked_for_together(world: World):
    await create(world, "a", "b")
    assert await ChangeFeed(world.redis).revisions([BOB, ALICE]) == [0, 2]
    assert await ChangeFeed(world.redis).revisions([]) == []
