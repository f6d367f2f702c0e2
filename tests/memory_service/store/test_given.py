"""Memories that callers put into a session: how they are kept, and how they leave it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest
from hypothesis import given as any_of
from hypothesis import strategies as st
from redis.asyncio import Redis

from memory_service.domain.errors import (
    EtagMismatch,
    MessageIdReused,
    NotExtracted,
    TooManyWaiting,
)
from memory_service.domain.memory import (
    Entity,
    EventTime,
    MemoryType,
    NewMemory,
    Precision,
    Source,
    fact_digest,
)
from memory_service.domain.reconcile import reconcile
from memory_service.domain.requests import RequestKey
from memory_service.domain.session import NewMessage, Notes, Role, Session
from memory_service.domain.session_options import ExtractionKind, SessionOptions, Strategy
from memory_service.store import given
from memory_service.store.commits import SessionAdvance
from memory_service.store.keys import OwnerKeys
from memory_service.store.memories import Fence
from memory_service.store.queue import Notice
from memory_service.store.session_changes import SessionChanges
from memory_service.store.sessions import MOST_PROMOTED, MOST_WAITING
from tests.support.extraction import CHAT, NOW, World, dump, new_world, said
from tests.support.memories import ALICE

KEYS = OwnerKeys(ALICE)
REQUEST = RequestKey("AppendMessages", "r1", "arguments")

new_memories = st.builds(
    NewMemory,
    id=st.text(),
    text=st.text(min_size=1),
    type=st.sampled_from([MemoryType.SEMANTIC, MemoryType.EPISODIC]),
    topics=st.lists(st.text()).map(tuple),
    entities=st.lists(st.builds(Entity, st.text(), st.text())).map(tuple),
    event_time=st.none() | st.builds(EventTime, st.integers(), st.sampled_from(Precision)),
    metadata=st.just("") | st.just('{"a": 1}'),
    pinned=st.booleans(),
    valid_from=st.none() | st.integers(),
    valid_to=st.none() | st.integers(),
)


@any_of(new_memories)
def test_any_memory_comes_back_with_the_session_as_its_source(memory: NewMemory):
    entry = {b"memory": given.encode(memory).encode()}
    assert given.decode(CHAT, entry) == replace(memory, sources=(Source("chat", ""),))


@pytest.fixture
async def world(redis: Redis) -> World:
    return await new_world(redis)


def facts(*texts: str) -> list[NewMemory]:
    return [NewMemory("", text, MemoryType.SEMANTIC) for text in texts]


def many(count: int) -> list[NewMemory]:
    return facts(*(f"fact {n}" for n in range(1, count + 1)))


async def append(world: World, *texts: str) -> Session:
    """Put memories into the session, without a message."""
    return (await world.sessions.append(CHAT, [], memories=facts(*texts), now=NOW)).session


async def waiting(world: World) -> list[str]:
    return [memory.text for memory in (await world.sessions.whole(CHAT, 0)).given]


async def promote(world: World, session: Session, *texts: str) -> bytes | Fence:
    """Commit these memories as the oldest that wait in the session that was read."""
    new = facts(*texts)
    known = await world.memories.known(ALICE, [fact_digest(memory) for memory in new], [])
    plan = reconcile(ALICE, new, known, NOW)
    advance = SessionAdvance(session, session.cursor, promoted=len(new))
    return await world.memories.commit(ALICE, plan, base=known.state, advance=advance)


async def test_memories_wait_in_the_order_in_which_they_came(world: World):
    first = await append(world, "a", "b")
    session = await append(world, "c")
    assert await waiting(world) == ["a", "b", "c"]
    assert (first.pending_memories, session.pending_memories) == (2, 3)
    assert (session.tail, session.pending, session.version) == (0, 0, 2)
    assert session == await world.sessions.get(CHAT)


async def test_each_append_of_memories_leaves_a_notice_of_them(world: World):
    await append(world, "a", "b")
    await world.sessions.append(CHAT, said("x"), memories=facts("c"), now=NOW)
    notices = await world.queue.read(count=9, block_ms=10)
    assert [(n.generation, n.tail, n.given) for n in notices] == [(1, 0, 2), (1, 1, 3)]


async def test_a_notice_from_before_there_were_memories_is_still_read(world: World):
    fields = {"owner": "acme:app:u:alice", "session": "chat", "generation": 1, "tail": 2}
    id_ = await world.redis.xadd(KEYS.shared.deltas, fields)
    assert await world.queue.read(count=1, block_ms=10) == [Notice(id_.decode(), CHAT, 1, 2)]


async def test_a_repeated_request_puts_nothing_in_twice(world: World):
    first = await world.sessions.append(CHAT, [], memories=facts("a"), now=NOW, request=REQUEST)
    before = await dump(world.redis)
    again = await world.sessions.append(CHAT, [], memories=facts("a"), now=NOW, request=REQUEST)
    assert again == first
    assert await dump(world.redis) == before


@pytest.mark.parametrize("etag", ["1-9", ""])
async def test_a_refused_append_puts_nothing_in(world: World, etag: str):
    await world.sessions.append(CHAT, [NewMessage("m", Role.USER, "", "one", 0)], now=NOW)
    before = await dump(world.redis)
    with pytest.raises((EtagMismatch, MessageIdReused)):
        await world.sessions.append(
            CHAT,
            [NewMessage("m", Role.USER, "", "other", 0)],
            memories=facts("a"),
            options=SessionOptions(ttl=5),
            now=NOW,
            etag=etag,
        )
    assert await dump(world.redis) == before


async def test_so_many_may_wait_and_no_more(world: World):
    for _ in range(MOST_WAITING // 128):
        await world.sessions.append(CHAT, [], memories=many(128), now=NOW)
    before = await dump(world.redis)
    with pytest.raises(TooManyWaiting):
        await world.sessions.append(CHAT, said("x"), memories=facts("one more"), now=NOW)
    assert await dump(world.redis) == before
    session = (await world.sessions.append(CHAT, said("x"), now=NOW)).session
    assert session.pending_memories == MOST_WAITING
    assert len(await waiting(world)) == MOST_WAITING
    assert await promote(world, session, "a") == b""
    assert (await append(world, "one more")).pending_memories == MOST_WAITING


async def test_so_many_are_promoted_at_a_time(world: World):
    await world.sessions.append(CHAT, [], memories=many(100), now=NOW)
    await world.sessions.append(CHAT, [], memories=many(100), now=NOW)
    session = await world.sessions.get(CHAT)
    work = await world.sessions.unextracted(session, limit=5, context=5)
    assert work is not None
    assert [memory.text for memory in work.given] == (2 * [m.text for m in many(100)])[
        :MOST_PROMOTED
    ]


async def test_what_was_promoted_is_gone_and_no_more(world: World):
    session = await append(world, "a", "b", "c")
    assert await promote(world, session, "a", "b") == b""
    assert await world.texts() == ["a", "b"]
    assert await waiting(world) == ["c"]
    assert await promote(world, await world.sessions.get(CHAT), "c") == b""
    assert not await world.redis.exists(KEYS.given("chat"))
    session = await append(world, "d")
    assert (await waiting(world), session.given_tail, session.given_cursor) == (["d"], 4, 3)


async def moved_cursor(world: World, session: Session) -> None:
    assert await promote(world, session, "a") == b""
    (memory,) = await world.stored()
    await world.redis.delete(KEYS.memory(memory.id))


async def deleted(world: World, _: Session) -> None:
    await world.sessions.delete(CHAT)


async def made_anew(world: World, session: Session) -> None:
    await deleted(world, session)
    await append(world, "a", "b")


async def another_strategy(world: World, _: Session) -> None:
    options = SessionOptions(strategy=Strategy(ExtractionKind.NONE))
    await world.sessions.append(CHAT, said("x"), options=options, now=NOW)


@pytest.mark.parametrize("moved", [moved_cursor, deleted, made_anew, another_strategy])
async def test_a_promotion_that_comes_too_late_changes_nothing(
    world: World, moved: Callable[[World, Session], Awaitable[None]]
):
    session = await append(world, "a", "b")
    await moved(world, session)
    before = await dump(world.redis)
    assert await promote(world, session, "a", "b") is Fence.SESSION
    assert await dump(world.redis) == before


async def test_memories_that_come_meanwhile_do_not_hold_up_a_promotion(world: World):
    session = await append(world, "a")
    await append(world, "b")
    assert await promote(world, session, "a") == b""
    assert await waiting(world) == ["b"]


async def test_what_waits_counts_as_not_extracted(world: World):
    session = await append(world, "a")
    changes = SessionChanges(world.redis)
    with pytest.raises(NotExtracted):
        await world.sessions.delete(CHAT, only_if_extracted=True)
    with pytest.raises(NotExtracted):
        await changes.put(CHAT, [], Notes(), now=NOW)
    await promote(world, session, "a")
    put = await changes.put(CHAT, said("x"), Notes(), memories=facts("b", "c"), now=NOW)
    assert put == await world.sessions.get(CHAT)
    assert (put.given_tail, put.given_cursor, await waiting(world)) == (2, 0, ["b", "c"])


async def test_a_deleted_session_takes_what_waited_along(world: World):
    await append(world, "a")
    await world.sessions.delete(CHAT)
    assert not await world.redis.exists(KEYS.given("chat"))
    assert (await append(world, "b")).given_tail == 1
    assert await waiting(world) == ["b"]
