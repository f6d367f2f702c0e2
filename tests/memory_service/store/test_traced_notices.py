"""What goes along with a notice: where in a trace its writer is, and nothing if it is in none."""

from __future__ import annotations

import pytest
from redis.asyncio import Redis

from memory_service.domain.failed_ranges import FailedRange
from memory_service.domain.session import Notes
from memory_service.store.keys import OwnerKeys
from memory_service.store.queue import Notice
from memory_service.store.session_changes import SessionChanges
from memory_service.store.sessions import SessionStore
from tests.support.extraction import CHAT, NOW, World, new_world, numbered, said
from tests.support.memories import ALICE

STREAM = OwnerKeys(ALICE).shared.deltas
HERE = f"00-{'1' * 32}-{'2' * 16}-01"


@pytest.fixture
async def world(redis: Redis) -> World:
    return await new_world(redis)


async def noted(world: World) -> list[Notice]:
    return await world.queue.read(count=9, block_ms=10)


async def test_whatever_notes_work_notes_where_it_is(world: World):
    sessions = SessionStore(world.redis, carried=lambda: HERE)
    changes = SessionChanges(world.redis, carried=lambda: HERE)
    session = (await sessions.append(CHAT, numbered(3), now=NOW)).session
    failed = (FailedRange(1, 2, "EXTRACTION_FAILED", NOW, retrying=True),)
    assert await changes.retry(session, failed) == 2
    assert [notice.trace for notice in await noted(world)] == [HERE, HERE]


async def test_a_session_that_is_put_notes_it_too(world: World):
    await SessionChanges(world.redis, carried=lambda: HERE).put(CHAT, said("x"), Notes(), now=NOW)
    assert [notice.trace for notice in await noted(world)] == [HERE]


async def test_who_is_in_no_trace_notes_what_was_always_noted(world: World):
    await world.append("x")
    await SessionStore(world.redis, carried=lambda: "").append(CHAT, said("y"), now=NOW)
    entries = await world.redis.xrange(STREAM)
    fields = {b"owner", b"session", b"generation", b"tail", b"given"}
    assert [set(entry) for _, entry in entries] == [fields, fields]
    assert [notice.trace for notice in await noted(world)] == ["", ""]


async def test_a_notice_with_what_nobody_can_read_is_read_nevertheless(world: World):
    await SessionStore(world.redis, carried=lambda: HERE).append(CHAT, said("x"), now=NOW)
    ((_, entry),) = await world.redis.xrange(STREAM)
    await world.redis.xadd(STREAM, {**entry, b"trace": b"\xff\x00"})
    first, second = await noted(world)
    assert (first.trace, second.ref) == (HERE, CHAT)
