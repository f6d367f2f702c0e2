from __future__ import annotations

import asyncio
import gc
import weakref
from dataclasses import replace

import pytest
from redis.asyncio import Redis

from memory_service import use_notes
from memory_service.domain.errors import StoreUnavailable
from memory_service.domain.memory import MemoryType, NewMemory
from memory_service.domain.owner import Owner
from memory_service.domain.reconcile import reconcile
from memory_service.store.keys import OwnerKeys
from memory_service.store.use import UseStore
from memory_service.use_notes import MINUTE, UseNotes
from tests.support.extraction import NOW, FixedClock, World, dump, new_world
from tests.support.memories import ALICE, BOB, make
from tests.support.waiting import wait_until

LATER = NOW + MINUTE


@pytest.fixture
async def world(redis: Redis) -> World:
    return await new_world(redis)


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(LATER)


@pytest.fixture
def notes(world: World, clock: FixedClock) -> UseNotes:
    return UseNotes(UseStore(world.redis), clock, every=0.01)


async def create(world: World, *ids: str, owner: Owner = ALICE) -> None:
    new = [NewMemory(id_, id_, MemoryType.SEMANTIC) for id_ in ids]
    known = await world.memories.known(owner, (), ())
    plan = reconcile(owner, new, known, NOW)
    assert await world.memories.commit(owner, plan, base=known.state) == b""


async def used(world: World, *ids: str, owner: Owner = ALICE) -> dict[str, int]:
    return await UseStore(world.redis).used(owner, ids)


async def test_uses_are_written_for_each_owner_and_those_not_used_stay(world, notes):
    await create(world, "a", "b")
    await create(world, "a", owner=BOB)
    before = await used(world, "a", "b")
    notes.note([make("a"), make("a", owner=BOB)])
    await notes.write()
    assert await used(world, "a", "b") == {"a": LATER, "b": before["b"]}
    assert await used(world, "a", owner=BOB) == {"a": LATER}


async def test_what_is_gone_is_not_brought_back(world, notes):
    await create(world, "a")
    before = await dump(world.redis)
    notes.note([make("never"), make("gone", owner=BOB)])
    await notes.write()
    assert await dump(world.redis) == before


async def test_a_later_use_that_is_known_is_not_taken_back(world, notes, clock):
    await create(world, "a")
    clock.time = 1
    notes.note([make("a")])
    await notes.write()
    assert await used(world, "a") == {"a": NOW}


async def test_within_a_minute_nothing_is_written_again(world, notes, clock, monkeypatch):
    await create(world, "a", "b")
    written = []
    real = UseStore.note

    async def note(self, uses):
        written.append(sorted(id_ for ids in uses.values() for id_ in ids))
        await real(self, uses)

    monkeypatch.setattr(UseStore, "note", note)
    for ids in (["a"], ["a", "b"], ["a"]):
        notes.note([make(id_) for id_ in ids])
        await notes.write()
        clock.time += MINUTE // 4
    clock.time += MINUTE
    notes.note([make("a")])
    await notes.write()
    assert written == [["a"], ["b"], ["a"]]


async def test_a_use_just_before_others_are_forgotten_counts_for_its_minute(world, notes, clock):
    await create(world, "a")
    await notes.write()
    clock.time = LATER + MINUTE - 1  # A microsecond later, what is older is forgotten.
    notes.note([make("a")])
    await notes.write()
    clock.time += MINUTE // 2
    await notes.write()
    notes.note([make("a")])
    await notes.write()
    assert await used(world, "a") == {"a": LATER + MINUTE - 1}


async def test_what_was_written_minutes_ago_takes_no_memory(world, notes, clock):
    await create(world, "a")
    id_ = _Id("a")
    noted = weakref.ref(id_)
    notes.note([make(id_)])
    del id_
    for _ in range(3):
        await notes.write()
        clock.time += MINUTE
    gc.collect()
    assert noted() is None


async def test_more_than_may_wait_are_dropped(world, notes, monkeypatch):
    monkeypatch.setattr(use_notes, "MOST", 3)
    ids = [f"m{n}" for n in range(10)]
    await create(world, *ids)
    notes.note([make(id_) for id_ in ids])
    await notes.write()
    assert [id_ for id_, time in (await used(world, *ids)).items() if time == LATER] == ids[:3]


async def test_trouble_with_redis_puts_the_notes_off(world, notes, monkeypatch, caplog):
    await create(world, "a", "b")

    async def fails(self, uses):
        raise StoreUnavailable("Redis cannot be reached")

    notes.note([make("a", "private text")])
    with monkeypatch.context() as patch:
        patch.setattr(UseStore, "note", fails)
        await notes.write()
    assert "private" not in caplog.text
    notes.note([make("b")])
    await notes.write()
    assert await used(world, "a", "b") == {"a": LATER, "b": LATER}


async def test_it_writes_by_itself_and_what_is_left_when_it_ends(world, notes, clock):
    await create(world, "a", "b")
    task = asyncio.create_task(notes.run())
    notes.note([make("a")])

    async def written() -> bool:
        return await used(world, "a") == {"a": LATER}

    await wait_until(written, "the use is written")
    notes.note([make("b")])
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await used(world, "b") == {"b": LATER}


class _Id(str):
    """One that can be watched: plain strings cannot."""


async def test_messages_are_not_noted(world, notes):
    said = NewMemory("m", "said", MemoryType.MESSAGE)
    known = await world.memories.known(ALICE, (), ())
    await world.memories.commit(ALICE, reconcile(ALICE, [said], known, NOW), base=known.state)
    notes.note([replace(make("m"), type=MemoryType.MESSAGE)])
    await notes.write()
    assert await world.redis.exists(OwnerKeys(ALICE).used) == 0
