"""The summary of a session, which comes from the background and never in a caller's way."""

from __future__ import annotations

import pytest
from redis.asyncio import Redis

from memory_service.domain.errors import SessionNotFound
from memory_service.domain.session import Notes, Session, Summary
from memory_service.store.session_changes import SessionChanges
from tests.support.extraction import CHAT, NOW, World, dump, new_world, numbered

NONE = Summary()
FIRST = Summary("They talk about bees. 🐝", 4)


@pytest.fixture
async def world(redis: Redis) -> World:
    return await new_world(redis)


async def session_of(world: World) -> Session:
    return (await world.sessions.append(CHAT, numbered(9), now=NOW)).session


async def summary(world: World) -> Summary:
    return (await world.sessions.whole(CHAT, 0)).summary


async def test_a_summary_is_kept_and_nothing_else_changes(world: World):
    seen = await session_of(world)
    assert await summary(world) == NONE
    assert await SessionChanges(world.redis).set_summary(seen, FIRST)
    assert await summary(world) == FIRST
    session = await world.sessions.get(CHAT)
    assert (session.summarized, session.etag, session.updated) == (4, seen.etag, NOW)
    assert await SessionChanges(world.redis).set_summary(session, Summary("More.", 7))
    assert await summary(world) == Summary("More.", 7)


async def test_a_summary_of_what_has_a_newer_one_is_not_kept(world: World):
    changes = SessionChanges(world.redis)
    seen = await session_of(world)
    await changes.set_summary(seen, FIRST)
    before = await dump(world.redis)
    assert not await changes.set_summary(seen, Summary("Late.", 3))
    assert await dump(world.redis) == before


async def test_a_summary_survives_appends_patches_and_extraction(world: World):
    changes = SessionChanges(world.redis)
    await changes.set_summary(await session_of(world), FIRST)
    session = (await world.sessions.append(CHAT, numbered(1), now=NOW)).session
    assert session.summarized == 4
    assert await changes.set_data(session, Notes('{"a":1}'), now=NOW)
    await world.extraction().step(CHAT)
    assert await summary(world) == FIRST


async def test_a_session_that_is_put_starts_without_a_summary(world: World):
    changes = SessionChanges(world.redis)
    seen = await session_of(world)
    await world.extraction().step(CHAT)
    await changes.set_summary(seen, FIRST)
    put = await changes.put(CHAT, numbered(2), Notes(), now=NOW)
    assert (put.summarized, await summary(world)) == (0, NONE)
    assert not await changes.set_summary(seen, FIRST)
    await world.sessions.delete(CHAT)
    with pytest.raises(SessionNotFound):
        await changes.set_summary(put, FIRST)
