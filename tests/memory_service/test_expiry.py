"""Sessions that expire: extracted first, then gone."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from redis.asyncio import Redis

from memory_service.domain.errors import SearchTimeout, StoreUnavailable
from memory_service.domain.memory import MemoryType, NewMemory
from memory_service.domain.owner import Owner, SessionRef
from memory_service.domain.session_options import SessionOptions
from memory_service.expiry import BATCH, SessionExpiry
from memory_service.flush import Flush
from memory_service.store.expiry import ExpiringSessions
from memory_service.store.leases import Leases
from memory_service.store.search import MemorySearch
from tests.support.extraction import CHAT, NOW, FakeExtractor, World, new_world, said
from tests.support.memories import ALICE, BOB
from tests.support.waiting import wait_until

SECOND = 1_000_000
KEPT = SessionOptions(ttl=SECOND)
LATER = SessionRef(ALICE, "later")


@pytest.fixture
async def world(redis: Redis) -> World:
    return await new_world(redis)


def expiry_of(
    world: World, extractor: FakeExtractor | None = None, *, every: float = 60
) -> SessionExpiry:
    """As another process has it: it shares nothing but Redis."""
    flush = Flush(world.sessions, world.extraction(extractor), Leases(world.redis, seconds=10))
    return SessionExpiry(ExpiringSessions(world.redis), flush, world.clock, every=every)


async def append(world: World, *texts: str, ref: SessionRef = CHAT) -> None:
    await world.sessions.append(ref, said(*texts), options=KEPT, now=world.clock.now())


async def left(world: World, owner: Owner = ALICE) -> list[str]:
    sessions, _ = await world.sessions.list(owner, offset=0, count=1000)
    return sorted(session.ref.session_id for session in sessions)


async def test_a_session_lives_until_it_expires_and_is_extracted_first(world: World):
    await append(world, "one", "two")
    expiry = expiry_of(world)
    assert await expiry.round() == 0
    assert await left(world) == ["chat"]
    world.clock.time += SECOND
    assert await expiry.round() == 1
    assert await left(world) == []
    assert await world.texts() == ["one", "two"]
    assert await expiry.round() == 0


async def test_without_the_extractor_nothing_is_deleted_that_was_not_extracted(
    world: World, caplog: pytest.LogCaptureFixture
):
    await append(world, "one")
    await append(world, "two", ref=LATER)
    await world.extraction().step(LATER)
    world.extractor.down = True
    world.clock.time += SECOND
    expiry = expiry_of(world)
    with caplog.at_level(logging.WARNING):
        assert [await expiry.round() for _ in range(3)] == [1, 0, 0]
    assert await left(world) == ["chat"]
    assert await world.texts() == ["two"]
    assert [r.getMessage() for r in caplog.records] == [
        "sessions that have expired wait for the extractor"
    ]
    world.extractor.down = False
    assert await expiry.round() == 1
    assert (await left(world), await world.texts()) == ([], ["two", "one"])

    caplog.clear()
    await append(world, "three")
    world.extractor.down = True
    world.clock.time += SECOND
    with caplog.at_level(logging.WARNING):
        await expiry.round()
    assert len(caplog.records) == 1


async def test_a_session_that_gets_a_message_while_it_is_extracted_stays(world: World):
    class Interrupted(FakeExtractor):
        async def extract(self, ref, context, new, strategy, known=()):
            if len(self.asked) == 0:
                await append(world, "two")
            return await super().extract(ref, context, new, strategy)

    await append(world, "one")
    world.clock.time += SECOND
    await expiry_of(world, Interrupted()).round()
    assert await left(world) == ["chat"]
    session = await world.sessions.get(CHAT)
    assert (session.tail, session.cursor) == (2, 1)
    await world.extraction().step(CHAT)
    world.clock.time += SECOND
    assert await expiry_of(world).round() == 1
    assert await world.texts() == ["one", "two"]


async def test_memories_that_wait_are_promoted_first(world: World):
    given = NewMemory("", "given", MemoryType.SEMANTIC)
    await world.sessions.append(CHAT, [], memories=[given], options=KEPT, now=NOW)
    world.extractor.down = True
    world.clock.time += SECOND
    assert await expiry_of(world).round() == 1
    assert (await left(world), await world.texts()) == ([], ["given"])


async def test_the_memories_of_a_lone_session_stay(world: World):
    lone = SessionRef(Owner.session("acme", "app", "lone"), "lone")
    await append(world, "one", ref=lone)
    world.clock.time += SECOND
    assert await expiry_of(world).round() == 1
    assert await world.sessions.find(lone) is None
    assert await world.texts(lone.owner) == ["one"]


async def test_two_processes_end_each_session_once(world: World):
    refs = [SessionRef(Owner.user("t", "n", f"user {n % 3}"), f"s{n}") for n in range(20)]
    for ref in refs:
        await append(world, f"fact of {ref.session_id}", ref=ref)
    world.clock.time += SECOND
    processes = [expiry_of(world, FakeExtractor()) for _ in range(2)]
    for _ in range(2):
        await asyncio.gather(*(process.round() for process in processes))
    for n in range(3):
        owner = Owner.user("t", "n", f"user {n}")
        assert await left(world, owner) == []
        found = [text for ref in refs if ref.owner == owner for text in [ref.session_id]]
        assert sorted(await world.texts(owner)) == sorted(f"fact of {name}" for name in found)
        assert (await world.memories.state(owner)).revision == 2 * len(found)  # facts and turns


async def test_many_sessions_of_one_user_end_without_waiting_for_the_next_look(world: World):
    for n in range(BATCH + 5):
        await append(world, "x", ref=SessionRef(ALICE, f"s{n}"))
    world.clock.time += SECOND
    async with running(expiry_of(world)):
        await wait_until(lambda: ended(world), "all have ended")


async def ended(world: World, owner: Owner = ALICE) -> bool:
    return not await left(world, owner)


@asynccontextmanager
async def running(expiry: SessionExpiry) -> AsyncIterator[None]:
    task = asyncio.create_task(expiry.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


async def test_trouble_with_the_store_is_waited_out(world: World):
    class Troubled(ExpiringSessions):
        asked = 0

        async def due(self, now: int, *, count: int) -> list[SessionRef]:
            self.asked += 1
            if self.asked == 1:
                raise StoreUnavailable("Redis is away")
            return await super().due(now, count=count)

    await append(world, "one")
    world.clock.time += SECOND
    flush = Flush(world.sessions, world.extraction(), Leases(world.redis, seconds=10))
    expiry = SessionExpiry(Troubled(world.redis), flush, world.clock, every=0.01)
    async with running(expiry):
        await wait_until(lambda: ended(world), "the session has ended")


@pytest.mark.parametrize("trouble", [SearchTimeout, ZeroDivisionError])
async def test_trouble_with_one_session_holds_up_no_other_and_it_is_tried_again(
    world: World, monkeypatch: pytest.MonkeyPatch, trouble: type[Exception]
):
    real, troubled = MemorySearch.near, True

    async def near(self, owner, **options):
        if owner == BOB and troubled:
            raise trouble
        return await real(self, owner, **options)

    monkeypatch.setattr(MemorySearch, "near", near)
    await append(world, "one")
    await append(world, "two", ref=SessionRef(BOB, "of Bob"))
    world.clock.time += SECOND
    task = asyncio.create_task(expiry_of(world, every=0.01).run())
    try:
        await wait_until(lambda: task.done() or ended(world), "Alice's session has ended")
        assert await left(world, BOB) == ["of Bob"]
        troubled = False
        await wait_until(lambda: ended(world, BOB), "Bob's session has ended")
        assert not task.done()
    finally:
        task.cancel()
        await asyncio.wait([task])


async def test_a_session_whose_end_fails_holds_up_no_other(
    world: World, caplog: pytest.LogCaptureFixture
):
    class Broken(ExpiringSessions):
        async def end(self, ref: SessionRef, now: int) -> bool:
            if ref == CHAT:
                raise ZeroDivisionError
            return await super().end(ref, now)

    await append(world, "one")
    await append(world, "two", ref=LATER)
    world.clock.time += SECOND
    flush = Flush(world.sessions, world.extraction(), Leases(world.redis, seconds=10))
    expiry = SessionExpiry(Broken(world.redis), flush, world.clock, every=60)
    assert await expiry.round() == 1
    assert await left(world) == ["chat"]
    assert "a session cannot be ended" in caplog.text
