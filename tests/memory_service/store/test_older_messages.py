"""Of a long session as much is read as one answer takes, and all of one state of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from redis.asyncio import Redis

from memory_service.domain.errors import SessionNotFound
from memory_service.domain.session import Message
from memory_service.domain.sizes import newest_that_fit
from memory_service.store import messages, older_messages
from memory_service.store.keys import OwnerKeys
from tests.support.extraction import CHAT, NOW, World, new_world, numbered, said

KIB = 1024


@pytest.fixture
async def world(redis: Redis) -> World:
    return await new_world(redis)


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The messages that were read, by their places."""
    found: list[int] = []
    real = messages.decode

    def decode(*entry: Any) -> Message:
        message = real(*entry)
        found.append(message.sequence)
        return message

    monkeypatch.setattr(messages, "decode", decode)
    return found


def places(found: tuple[Message, ...]) -> list[int]:
    return [message.sequence for message in found]


@pytest.mark.parametrize("before", [None, 151])
async def test_no_more_is_read_than_fits_into_an_answer(
    world: World, decoded: list[int], before: int | None
):
    for _ in range(8):
        await world.sessions.append(CHAT, said(*["x" * 64 * KIB] * 20), now=NOW)
    whole = await world.sessions.whole(CHAT, 1000, before=before)
    newest = newest_that_fit(whole.messages)
    last = before - 1 if before else 160
    assert places(newest) == list(range(last - len(newest) + 1, last + 1))
    assert len(newest) == 47
    assert len(decoded) == len(set(decoded)) < 60


async def test_of_short_messages_as_many_are_read_as_are_asked_for(world: World):
    await world.sessions.append(CHAT, numbered(500), now=NOW)
    for count, first in ((400, 101), (500, 1), (1000, 1)):
        found = (await world.sessions.whole(CHAT, count)).messages
        assert places(found) == list(range(first, 501))
    found = (await world.sessions.whole(CHAT, 100, before=300)).messages
    assert places(found) == list(range(200, 300))


async def test_what_is_gone_from_a_log_is_not_looked_for_again_and_again(world: World):
    await world.sessions.append(CHAT, numbered(100), now=NOW)
    log = OwnerKeys(CHAT.owner).log(CHAT.session_id)
    await world.redis.xtrim(log, minid="51-0", approximate=False)
    async with asyncio.timeout(10):
        whole = await world.sessions.whole(CHAT, 1000)
    assert places(whole.messages) == list(range(51, 101))


async def test_long_messages_behind_short_ones_are_not_all_read_at_once(
    world: World, decoded: list[int]
):
    for _ in range(13):
        await world.sessions.append(CHAT, said(*["x" * 64 * KIB] * 20), now=NOW)
    await world.sessions.append(CHAT, numbered(40), now=NOW)
    whole = await world.sessions.whole(CHAT, 1000)
    assert len(newest_that_fit(whole.messages)) > 80
    assert len(decoded) <= older_messages.FIRST_PAGE + older_messages.LARGEST_PAGE


@pytest.mark.parametrize(("count", "trips"), [(32, 1), (160, 2), (161, 3), (1000, 3)])
async def test_a_common_read_is_one_round_trip(
    world: World, monkeypatch: pytest.MonkeyPatch, count: int, trips: int
):
    await world.sessions.append(CHAT, numbered(200), now=NOW)
    asked = 0
    real = world.redis.pipeline

    def pipeline(**options: Any) -> Any:
        nonlocal asked
        asked += 1
        return real(**options)

    monkeypatch.setattr(world.redis, "pipeline", pipeline)
    await world.sessions.whole(CHAT, count)
    assert asked == trips


async def appended(world: World) -> None:
    await world.sessions.append(CHAT, said("late"), now=NOW)


async def made_anew(world: World) -> None:
    await world.sessions.delete(CHAT)
    await world.sessions.append(CHAT, said(*["new"] * 100), now=NOW)


async def deleted(world: World) -> None:
    await world.sessions.delete(CHAT)


async def read_while(
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    happens: Callable[[World], Awaitable[None]],
) -> Any:
    """Read a session in which something happens after its first page was read."""
    await world.sessions.append(CHAT, numbered(100), now=NOW)
    real, pages = older_messages.page, 0

    async def page(*args: Any) -> Any:
        nonlocal pages
        pages += 1
        if pages == 1:
            await happens(world)
        return await real(*args)

    monkeypatch.setattr(older_messages, "page", page)
    return await world.sessions.whole(CHAT, 1000)


async def test_what_is_appended_meanwhile_changes_nothing(world: World, monkeypatch):
    whole = await read_while(world, monkeypatch, appended)
    assert (whole.session.tail, places(whole.messages)) == (100, list(range(1, 101)))


async def test_a_session_that_is_made_anew_meanwhile_is_read_anew(world: World, monkeypatch):
    whole = await read_while(world, monkeypatch, made_anew)
    assert whole.session.generation == 2
    assert {message.content for message in whole.messages} == {"new"}
    assert places(whole.messages) == list(range(1, 101))


async def test_a_session_that_is_deleted_meanwhile_is_not_found(world: World, monkeypatch):
    with pytest.raises(SessionNotFound):
        await read_while(world, monkeypatch, deleted)
