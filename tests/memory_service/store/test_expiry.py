"""How a session is kept, and when it is due to be deleted."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace

import pytest
from redis.asyncio import Redis

from memory_service.domain.errors import NotExtracted, SessionNotFound
from memory_service.domain.owner import SessionRef
from memory_service.domain.requests import RequestKey
from memory_service.domain.session import Notes, Session
from memory_service.domain.session_options import (
    DEFAULTS,
    ExtractionKind,
    SessionOptions,
    Strategy,
)
from memory_service.store.erasing import Eraser
from memory_service.store.expiry import ExpiringSessions
from memory_service.store.keys import OwnerKeys
from memory_service.store.session_changes import SessionChanges
from tests.support.extraction import CHAT, NOW, World, dump, new_world, said
from tests.support.memories import ALICE, BOB

KEYS = OwnerKeys(ALICE)
HOUR = 3_600_000_000
CATS = Strategy(ExtractionKind.CUSTOM, 'Only "cats"\n猫')
KEPT = SessionOptions(HOUR, CATS)
REQUEST = RequestKey("AppendMessages", "r1", "arguments")


@pytest.fixture
async def world(redis: Redis) -> AsyncIterator[World]:
    world = await new_world(redis)
    yield world
    # Whatever was done: those that expire are marked, at the right time, and no others.
    async for key in redis.scan_iter(match="am:wm:*"):
        ref = CHAT if b"alice" in key else SessionRef(BOB, "chat")
        expires = (await world.sessions.get(ref)).expires
        assert await redis.zscore(OwnerKeys(ref.owner).shared.expiry, key) == expires


async def append(world: World, now: int = NOW, options: SessionOptions | None = KEPT) -> Session:
    return (await world.sessions.append(CHAT, said("x"), options=options, now=now)).session


async def marks(world: World) -> dict[bytes, float]:
    return dict(await world.redis.zrange(KEYS.shared.expiry, 0, -1, withscores=True))


async def test_an_append_says_how_the_session_is_kept(world: World):
    session = await append(world)
    assert session == await world.sessions.get(CHAT)
    assert (session.options, session.expires) == (KEPT, NOW + HOUR)
    assert await marks(world) == {KEYS.session("chat").encode(): NOW + HOUR}


async def test_an_append_without_options_leaves_them_and_starts_the_time_anew(world: World):
    await append(world)
    session = await append(world, NOW + 5, None)
    assert (session.options, session.expires) == (KEPT, NOW + 5 + HOUR)


async def test_options_are_replaced_whole(world: World):
    await append(world)
    session = await append(world, NOW + 5, DEFAULTS)
    assert (session.options, session.expires) == (DEFAULTS, None)
    assert await marks(world) == {}


async def test_other_options_alone_are_a_change_and_the_same_are_none(world: World):
    first = await append(world)
    session = (await world.sessions.append(CHAT, [], options=DEFAULTS, now=NOW + 5)).session
    assert (session.options, session.version, session.tail) == (DEFAULTS, first.version + 1, 1)
    assert session.updated == NOW + 5
    before = await dump(world.redis)
    again = (await world.sessions.append(CHAT, [], options=DEFAULTS, now=NOW + 9)).session
    assert again == session
    assert await dump(world.redis) == before


async def test_a_repeated_request_does_not_start_the_time_anew(world: World):
    async def repeated(now: int) -> Session:
        appended = await world.sessions.append(
            CHAT, said("x"), options=KEPT, now=now, request=REQUEST
        )
        return appended.session

    first = await repeated(NOW)
    assert await repeated(NOW + 5) == first
    assert await marks(world) == {KEYS.session("chat").encode(): NOW + HOUR}


async def test_a_put_replaces_the_options(world: World):
    changes = SessionChanges(world.redis)
    put = await changes.put(CHAT, [], Notes(), options=KEPT, now=NOW)
    assert put == await world.sessions.get(CHAT)
    assert put.expires == NOW + HOUR
    put = await changes.put(CHAT, [], Notes(), now=NOW + 1)
    assert put == await world.sessions.get(CHAT)
    assert (put.options, await marks(world)) == (DEFAULTS, {})


async def test_a_patch_starts_the_time_anew(world: World):
    seen = await append(world)
    changes = SessionChanges(world.redis)
    answer = await changes.set_data(seen, Notes('{"a":1}'), now=NOW + 7, request=REQUEST)
    assert answer is not None
    assert answer[0] == await world.sessions.get(CHAT)
    assert (answer[0].options, answer[0].expires) == (KEPT, NOW + 7 + HOUR)
    assert await changes.changed_before(CHAT, REQUEST) == answer


async def test_extraction_does_not_start_the_time_anew(world: World):
    await append(world)
    world.clock.time = NOW + 9
    await world.extraction().step(CHAT)
    session = await world.sessions.get(CHAT)
    assert (session.cursor, session.expires) == (1, NOW + HOUR)


async def test_a_deleted_session_does_not_expire(world: World):
    await append(world)
    await world.sessions.delete(CHAT)
    assert await marks(world) == {}


async def test_a_session_is_made_once_and_stays_as_it_is(world: World):
    await world.sessions.create_if_missing(CHAT, KEPT, NOW)
    session = await world.sessions.get(CHAT)
    assert session == Session(CHAT, 1, NOW, NOW, version=1, tail=0, cursor=0, options=KEPT)
    assert await world.sessions.list(ALICE, offset=0, count=9) == ([session], 1)
    assert await world.queue.read(count=9, block_ms=10) == []
    before = await dump(world.redis)
    await world.sessions.create_if_missing(CHAT, DEFAULTS, NOW + 5)
    assert await dump(world.redis) == before
    assert (await append(world, NOW + 6, None)).expires == NOW + 6 + HOUR


async def test_sessions_are_due_from_the_time_on_at_which_they_expire(world: World):
    other = SessionRef(BOB, "chat")
    await append(world)
    await world.sessions.append(other, said("x"), options=SessionOptions(HOUR + 1), now=NOW)
    expiring = ExpiringSessions(world.redis)
    assert await expiring.due(NOW + HOUR - 1, count=9) == []
    assert await expiring.due(NOW + HOUR, count=9) == [CHAT]
    assert set(await expiring.due(NOW + HOUR + 1, count=9)) == {CHAT, other}


async def test_any_names_are_found_again(world: World):
    strange = SessionRef(replace(ALICE, id="a:{b}%"), 'ü "}|*: \n')
    await world.sessions.append(strange, said("x"), options=KEPT, now=NOW)
    assert await ExpiringSessions(world.redis).due(NOW + HOUR, count=9) == [strange]
    await world.sessions.delete(strange)


async def test_a_session_that_is_due_and_extracted_ends_and_leaves_its_memories(world: World):
    await append(world)
    expiring = ExpiringSessions(world.redis)
    with pytest.raises(NotExtracted):
        await expiring.end(CHAT, NOW + HOUR)
    await world.extraction().step(CHAT)
    before = await dump(world.redis)
    assert not await expiring.end(CHAT, NOW + HOUR - 1)
    assert await dump(world.redis) == before
    assert await expiring.end(CHAT, NOW + HOUR)
    with pytest.raises(SessionNotFound):
        await world.sessions.get(CHAT)
    assert await world.texts() == ["x"]
    assert (await marks(world), await world.sessions.list(ALICE, offset=0, count=9)) == (
        {},
        ([], 0),
    )
    assert not await expiring.end(CHAT, NOW + HOUR)


async def appended(world: World) -> None:
    await append(world, NOW + 1, None)


async def kept_forever(world: World) -> None:
    await append(world, NOW, DEFAULTS)


async def patched(world: World) -> None:
    seen = await world.sessions.get(CHAT)
    assert await SessionChanges(world.redis).set_data(seen, Notes(), now=NOW + 1)


@pytest.mark.parametrize("change", [appended, kept_forever, patched])
async def test_a_session_that_was_changed_since_it_was_due_stays(
    world: World, change: Callable[[World], Awaitable[None]]
):
    await append(world)
    expiring = ExpiringSessions(world.redis)
    assert await expiring.due(NOW + HOUR, count=9) == [CHAT]
    await change(world)
    await world.extraction().step(CHAT)
    before = await dump(world.redis)
    assert not await expiring.end(CHAT, NOW + HOUR)
    assert await dump(world.redis) == before


async def test_a_mark_that_leads_nowhere_or_to_another_time_is_put_right(world: World):
    await append(world)
    gone = KEYS.session("gone")
    await world.redis.zadd(KEYS.shared.expiry, {gone: 1, KEYS.session("chat"): 2})
    expiring = ExpiringSessions(world.redis)
    for ref in await expiring.due(NOW, count=9):
        assert not await expiring.end(ref, NOW)
    assert await marks(world) == {KEYS.session("chat").encode(): NOW + HOUR}


async def test_an_erased_user_leaves_no_mark(world: World):
    await append(world)
    await world.sessions.append(SessionRef(BOB, "chat"), said("x"), options=KEPT, now=NOW)
    await world.redis.zadd(KEYS.shared.expiry, {KEYS.session("lost"): 1})
    await world.sessions.append(CHAT, [], memories=[], now=NOW)
    eraser = Eraser(world.redis)
    while [batch async for batch in eraser.round(ALICE)]:
        pass
    assert await marks(world) == {}
    assert await ExpiringSessions(world.redis).due(NOW + HOUR, count=9) == [SessionRef(BOB, "chat")]
