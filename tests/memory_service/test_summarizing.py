"""A session's running summary: what it covers, and what it survives."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest
from redis.asyncio import Redis

from memory_service.domain.session import Summary
from memory_service.store.session_changes import SessionChanges
from memory_service.summarizing import BEHIND, NEWEST, PIECE
from tests.support.extraction import CHAT, World, new_world
from tests.support.summaries import FakeSummarizer, summarizing


@pytest.fixture
async def world(redis: Redis) -> World:
    return await new_world(redis)


async def say(world: World, count: int, *, start: int = 1) -> None:
    await world.append(*(f"m{n}" for n in range(start, start + count)))


async def extract_all(world: World) -> None:
    extraction = world.extraction()
    while (progress := await extraction.step(CHAT)) and progress.committed:
        pass


async def summary_of(world: World) -> Summary:
    return (await world.sessions.whole(CHAT, 0)).summary


def lines(first: int, last: int) -> str:
    return "\n".join(f"m{n}" for n in range(first, last + 1))


async def test_a_short_session_is_not_summed_up(world: World) -> None:
    await say(world, BEHIND - 1)
    await extract_all(world)
    await summarizing(world).keep_up(CHAT)
    assert await summary_of(world) == Summary()


async def test_a_long_session_is_summed_up_but_for_its_newest_messages(world: World) -> None:
    await say(world, BEHIND)
    await extract_all(world)
    await summarizing(world).keep_up(CHAT)
    assert await summary_of(world) == Summary(lines(1, BEHIND - NEWEST), BEHIND - NEWEST)


async def test_what_is_not_extracted_yet_is_not_summed_up_in_the_background(world: World) -> None:
    await say(world, 2 * BEHIND)
    await summarizing(world).keep_up(CHAT)
    assert await summary_of(world) == Summary()


async def test_a_summary_goes_on_where_it_ended_with_the_context_before(world: World) -> None:
    await say(world, 200)
    summarizer = FakeSummarizer()
    session = await world.sessions.get(CHAT)
    reached = await summarizing(world, summarizer).reach(session, Summary(), PIECE + 3)
    assert reached == await summary_of(world) == Summary(lines(1, PIECE + 3), PIECE + 3)
    assert summarizer.asked == [
        ([], list(range(1, PIECE + 1))),
        ([PIECE - 1, PIECE], [PIECE + 1, PIECE + 2, PIECE + 3]),
    ]
    again = await world.sessions.get(CHAT)
    assert await summarizing(world, summarizer).reach(again, reached, PIECE) == reached
    assert len(summarizer.asked) == 2


async def test_the_log_stays_whole_and_the_etag_as_it_was(world: World) -> None:
    await say(world, 100)
    await extract_all(world)
    before = await world.sessions.get(CHAT)
    await summarizing(world).keep_up(CHAT)
    after = await world.sessions.get(CHAT)
    assert (after.etag, after.updated) == (before.etag, before.updated)
    _, messages = await world.sessions.recent(CHAT, 1000)
    assert [message.content for message in messages] == lines(1, 100).split("\n")


async def test_without_the_extractor_the_summary_stays_as_it_is(world: World) -> None:
    await say(world, 100)
    summarizer = FakeSummarizer()
    session = await world.sessions.get(CHAT)
    known = await summarizing(world, summarizer).reach(session, Summary(), 10)
    summarizer.down = True
    session = await world.sessions.get(CHAT)
    assert await summarizing(world, summarizer).reach(session, known, 50) == known
    world.extractor.down = True
    assert await summarizing(world).reach(session, known, 50) == known
    assert await summary_of(world) == known


async def test_what_cannot_be_summed_up_is_passed_over(world: World) -> None:
    await say(world, PIECE + 1)
    session = await world.sessions.get(CHAT)
    poisoned = FakeSummarizer(poison=["m7"])
    reached = await summarizing(world, poisoned).reach(session, Summary(), PIECE + 1)
    assert reached == Summary(f"m{PIECE + 1}", PIECE + 1)


async def test_who_has_no_time_left_does_not_wait_for_piece_after_piece(world: World) -> None:
    await say(world, 10 * PIECE)
    session = await world.sessions.get(CHAT)
    summarizer = FakeSummarizer()

    async def late() -> None:
        async with asyncio.timeout_at(asyncio.get_running_loop().time() - 1):
            # The moment in which a cancellation gets lost between redis-py and wait_for.
            with suppress(asyncio.CancelledError):
                await asyncio.sleep(1)
            await summarizing(world, summarizer).reach(session, Summary(), 10 * PIECE)

    with pytest.raises(TimeoutError):
        await late()
    assert summarizer.asked == []


async def test_two_at_once_leave_one_whole_summary(world: World) -> None:
    await say(world, 150)
    session = await world.sessions.get(CHAT)
    hands = [summarizing(world) for _ in range(3)]
    await asyncio.gather(*(hand.reach(session, Summary(), 140) for hand in hands))
    summary = await summary_of(world)
    assert summary.text == lines(1, summary.through)
    assert summary.through == 140


async def test_a_session_made_anew_meanwhile_keeps_nothing_of_the_old(world: World) -> None:
    await say(world, 100)
    old = await world.sessions.get(CHAT)
    await world.sessions.delete(CHAT)
    await say(world, 3)
    assert not await SessionChanges(world.redis).set_summary(old, Summary("old", 90))
    assert await summary_of(world) == Summary()


async def test_a_session_deleted_meanwhile_is_let_go(world: World) -> None:
    await summarizing(world).keep_up(CHAT)
