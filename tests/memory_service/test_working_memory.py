from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from redis.asyncio import Redis

from memory_service.domain.changes import Plan
from memory_service.domain.errors import (
    EtagMismatch,
    ExtractorUnavailable,
    InvalidField,
    MessageIdReused,
    NotExtracted,
    RequestIdReused,
    SessionNotFound,
)
from memory_service.domain.failed_ranges import FailedRange
from memory_service.domain.owner import SessionRef
from memory_service.domain.patch import PatchMode
from memory_service.domain.requests import RequestKey
from memory_service.domain.session import NewMessage, Notes, Role, Summary
from memory_service.extraction import ATTEMPTS_PER_INPUT, Progress
from memory_service.flush import Flush
from memory_service.store.commits import SessionAdvance
from memory_service.store.keys import OwnerKeys
from memory_service.store.leases import Leases
from memory_service.store.session_changes import SessionChanges
from memory_service.store.sessions import Whole
from memory_service.working_memory import WorkingMemory
from tests.support.extraction import CHAT, NOW, World, dump, new_world, said
from tests.support.memories import ALICE, BOB
from tests.support.waiting import wait_until

REQUEST = RequestKey("Put", "r1", "arguments")
OTHER = RequestKey("Put", "r1", "other arguments")
NOTES = Notes('{"a":1}', "They talk about bees.")
DEAD = OwnerKeys(ALICE).shared.dead


@pytest.fixture
async def world(redis: Redis) -> World:
    return await new_world(redis)


@pytest.fixture
def working(world: World) -> WorkingMemory:
    return working_memory(world)


def working_memory(world: World) -> WorkingMemory:
    """As another process has it: it shares nothing but Redis."""
    flush = Flush(world.sessions, world.extraction(), Leases(world.redis, seconds=10))
    return WorkingMemory(world.sessions, SessionChanges(world.redis), flush, world.clock)


async def contents(world: World) -> list[str]:
    _, messages = await world.sessions.recent(CHAT, 1000)
    assert [m.sequence for m in messages] == list(range(1, len(messages) + 1))
    return [message.content for message in messages]


async def kept(world: World) -> Any:
    _, notes = await world.sessions.notes(CHAT)
    return json.loads(notes.data or "null")


async def poisoned(world: World, *texts: str) -> None:
    """A session of these messages, all extracted, of which those with "bad" failed."""
    world.extractor.poison = {text for text in texts if text.startswith("bad")}
    await world.append(*texts)
    await drain(world)
    world.clock.time += 1


async def drain(world: World) -> None:
    """Work as a pump does, until every notice is dealt with."""
    extraction = world.extraction()
    notices = await world.queue.read(count=99, block_ms=1)
    while notices:
        progress = await extraction.step(CHAT, notices)
        assert isinstance(progress, Progress)
        done = [notice for notice in notices if progress.fulfils(notice)]
        if done and not progress.committed:
            await world.queue.drop(ALICE, [notice.id for notice in done])
        notices = [notice for notice in notices if notice not in done]
    assert (await world.waiting(), await world.pending()) == (0, 0)


async def failures(world: World) -> list[tuple[int, int, bool]]:
    session = await world.sessions.get(CHAT)
    return [(r.first, r.failed - NOW, r.retrying) for r in session.failed_ranges]


async def test_a_put_makes_a_session_with_all_that_was_given(world: World, working: WorkingMemory):
    world.extractor.down = True
    session = await working.put(CHAT, said("one", "two"), NOTES)
    assert (session.generation, session.version, session.tail, session.cursor) == (1, 1, 2, 0)
    assert (session.created, session.updated) == (NOW, NOW)
    assert await world.sessions.notes(CHAT) == (session, NOTES)
    assert await contents(world) == ["one", "two"]
    assert (await world.sessions.list(ALICE, offset=0, count=9)) == ([session], 1)
    (notice,) = await world.queue.read(count=9, block_ms=10)
    assert (notice.ref, notice.generation, notice.tail) == (CHAT, 1, 2)


async def test_a_put_extracts_what_is_left_and_then_starts_anew(
    world: World, working: WorkingMemory
):
    await world.sessions.append(CHAT, [NewMessage("m", Role.USER, "", "old", 0)], now=NOW)
    world.clock.time += 5
    session = await working.put(CHAT, [NewMessage("m", Role.USER, "", "new", 0)], NOTES)
    assert (session.generation, session.version, session.tail, session.cursor) == (2, 1, 1, 0)
    assert (session.created, session.updated) == (NOW + 5, NOW + 5)
    assert await contents(world) == ["new"]
    assert await world.texts() == ["old"]
    await drain(world)
    assert await world.texts() == ["old", "new"]


async def test_a_put_leaves_nothing_of_the_old_session(world: World, working: WorkingMemory):
    await poisoned(world, "bad", "one")
    await working.put(CHAT, said("x"), NOTES)
    session = await working.put(CHAT, [], Notes())
    assert await world.sessions.whole(CHAT, 9) == Whole(session, Notes(), Summary(), (), ())
    assert session.failed_ranges == ()
    left = {key.decode() for key in await dump(world.redis)}
    assert not left & {OwnerKeys(ALICE).log("chat"), OwnerKeys(ALICE).message_ids("chat")}


async def test_without_the_extractor_nothing_that_was_not_extracted_is_replaced(
    world: World, working: WorkingMemory
):
    await world.append("one")
    world.extractor.down = True
    before = await dump(world.redis)
    with pytest.raises(ExtractorUnavailable):
        await working.put(CHAT, said("x"), NOTES)
    assert await dump(world.redis) == before


async def test_a_message_that_comes_in_between_is_not_replaced(world: World):
    changes = SessionChanges(world.redis)
    await world.append("one")
    with pytest.raises(NotExtracted):
        await changes.put(CHAT, said("x"), NOTES, now=NOW)
    assert await contents(world) == ["one"]


async def test_what_is_being_tried_again_is_not_replaced_or_deleted(
    world: World, working: WorkingMemory
):
    await poisoned(world, "bad")
    await working.retry(CHAT, [])
    with pytest.raises(NotExtracted):
        await SessionChanges(world.redis).put(CHAT, said("x"), NOTES, now=NOW)
    with pytest.raises(NotExtracted):
        await world.sessions.delete(CHAT, only_if_extracted=True)
    world.extractor.poison = set()
    await working.put(CHAT, said("x"), NOTES)
    assert await world.texts() == ["bad"]


async def test_a_put_with_an_old_etag_changes_nothing(world: World, working: WorkingMemory):
    await world.append("one")
    before = await dump(world.redis)
    for etag in ("1-0", "*"):
        with pytest.raises(EtagMismatch):
            await working.put(CHAT, said("x"), NOTES, etag=etag)
    with pytest.raises(EtagMismatch):
        await working.put(SessionRef(ALICE, "new"), said("x"), NOTES, etag="1-1")
    assert await dump(world.redis) == before
    current = (await world.sessions.get(CHAT)).etag
    assert (await working.put(CHAT, said("x"), NOTES, etag=current)).generation == 2


async def test_an_id_for_two_messages_is_refused_before_anything_happens(
    world: World, working: WorkingMemory
):
    await world.append("one")
    before = await dump(world.redis)
    twice = [NewMessage("a", Role.USER, "", text, 0) for text in ("x", "y")]
    with pytest.raises(MessageIdReused):
        await working.put(CHAT, twice, NOTES)
    assert await dump(world.redis) == before


async def test_a_repeated_put_gets_the_first_answer(world: World, working: WorkingMemory):
    first = await working.put(CHAT, said("one"), NOTES, request=REQUEST)
    await world.append("two")
    world.clock.time += 9
    world.extractor.down = True
    before = await dump(world.redis)
    assert await working.put(CHAT, said("one"), NOTES, request=REQUEST, etag="x") == first
    with pytest.raises(RequestIdReused):
        await working.put(CHAT, said("other"), NOTES, request=OTHER)
    assert await dump(world.redis) == before


async def test_one_of_many_puts_with_one_etag_wins(world: World):
    await world.append("one")
    etag = (await world.sessions.get(CHAT)).etag
    puts = [working_memory(world).put(CHAT, said(f"new {n}"), NOTES, etag=etag) for n in range(8)]
    answers = await asyncio.gather(*puts, return_exceptions=True)
    won = [n for n, answer in enumerate(answers) if not isinstance(answer, Exception)]
    assert len(won) == 1
    assert await contents(world) == [f"new {won[0]}"]
    assert await world.texts() == ["one"]


async def test_what_is_kept_survives_appends_and_extraction(world: World, working: WorkingMemory):
    await working.put(CHAT, said("one"), NOTES)
    await world.append("two")
    await drain(world)
    whole = await world.sessions.whole(CHAT, 1)
    assert (whole.session.tail, whole.session.cursor, whole.notes) == (2, 2, NOTES)
    assert [message.content for message in whole.messages] == ["two"]


async def test_a_patch_changes_the_data_and_nothing_else(world: World, working: WorkingMemory):
    before = await working.put(CHAT, said("one"), NOTES)
    world.clock.time += 5
    session, notes = await working.patch(CHAT, {"b": [None, "ü"]}, PatchMode.MERGE)
    assert json.loads(notes.data) == {"a": 1, "b": [None, "ü"]}
    assert notes.context == NOTES.context
    assert (session.version, session.updated) == (before.version + 1, NOW + 5)
    assert (session.created, session.tail, session.cursor) == (NOW, 1, 0)
    assert await world.sessions.notes(CHAT) == (session, notes)
    assert await contents(world) == ["one"]


@pytest.mark.parametrize(
    ("mode", "after"),
    [
        (PatchMode.REPLACE, {"a": {"y": None}}),
        (PatchMode.MERGE, {"a": {"y": None}, "b": 2}),
        (PatchMode.DEEP_MERGE, {"a": {"x": 1}, "b": 2}),
    ],
)
async def test_each_mode_of_a_patch_is_its_own(
    world: World, working: WorkingMemory, mode: PatchMode, after: dict
):
    await working.put(CHAT, [], Notes('{"a":{"x":1,"y":2},"b":2}'))
    await working.patch(CHAT, {"a": {"y": None}}, mode)
    assert await kept(world) == after


async def test_a_patched_session_is_the_last_active(world: World, working: WorkingMemory):
    await world.append("one")
    await world.sessions.append(SessionRef(ALICE, "later"), said("x"), now=NOW + 1)
    world.clock.time += 2
    await working.patch(CHAT, {}, PatchMode.MERGE)
    found, _ = await world.sessions.list(ALICE, offset=0, count=1)
    assert found[0].ref == CHAT


async def test_patches_at_once_are_all_laid_over(world: World):
    await world.append("one")
    await asyncio.gather(
        *(working_memory(world).patch(CHAT, {f"k{n}": n}, PatchMode.MERGE) for n in range(8))
    )
    assert await kept(world) == {f"k{n}": n for n in range(8)}
    assert (await world.sessions.get(CHAT)).version == 9


async def test_one_of_many_patches_with_one_etag_wins(world: World):
    await world.append("one")
    etag = (await world.sessions.get(CHAT)).etag
    answers = await asyncio.gather(
        *(
            working_memory(world).patch(CHAT, {"n": n}, PatchMode.MERGE, etag=etag)
            for n in range(8)
        ),
        return_exceptions=True,
    )
    won = [n for n, answer in enumerate(answers) if not isinstance(answer, Exception)]
    lost = [answer for answer in answers if isinstance(answer, Exception)]
    assert all(isinstance(answer, EtagMismatch) for answer in lost)
    assert [{"n": n} for n in won] == [await kept(world)]


async def test_a_patch_that_makes_the_data_too_large_changes_nothing(
    world: World, working: WorkingMemory
):
    await working.put(CHAT, [], Notes(json.dumps({"a": "x" * 200_000})))
    before = await dump(world.redis)
    with pytest.raises(InvalidField) as caught:
        await working.patch(CHAT, {"b": "x" * 200_000}, PatchMode.MERGE)
    assert caught.value.path == "data"
    assert await dump(world.redis) == before
    await working.patch(CHAT, {"b": "x" * 200_000}, PatchMode.REPLACE)


async def test_a_repeated_patch_gets_the_first_answer(world: World, working: WorkingMemory):
    await world.append("one")
    first = await working.patch(CHAT, {"a": 1}, PatchMode.MERGE, request=REQUEST)
    await working.patch(CHAT, {"a": 2}, PatchMode.MERGE)
    before = await dump(world.redis)
    again = await working.patch(CHAT, {"a": 1}, PatchMode.MERGE, request=REQUEST, etag="x")
    assert again == first
    with pytest.raises(RequestIdReused):
        await working.patch(CHAT, {"a": 1}, PatchMode.REPLACE, request=OTHER)
    assert await dump(world.redis) == before


async def test_one_patch_sent_many_times_at_once_is_done_once(world: World):
    await world.append("one")
    etag = (await world.sessions.get(CHAT)).etag
    answers = await asyncio.gather(
        *(
            working_memory(world).patch(CHAT, {"a": 1}, PatchMode.MERGE, request=REQUEST, etag=etag)
            for _ in range(8)
        )
    )
    assert len(set(answers)) == 1
    assert (await world.sessions.get(CHAT)).version == 2


async def test_nobody_changes_the_session_of_somebody_else(world: World, working: WorkingMemory):
    await poisoned(world, "bad")
    foreign = SessionRef(BOB, "chat")
    before = await dump(world.redis)
    with pytest.raises(SessionNotFound):
        await working.patch(foreign, {"a": 1}, PatchMode.MERGE)
    with pytest.raises(SessionNotFound):
        await working.retry(foreign, [])
    assert await dump(world.redis) == before
    await working.put(foreign, said("bob's"), NOTES)
    assert await contents(world) == ["bad"]


async def test_what_failed_is_extracted_again_and_is_then_no_failure(
    world: World, working: WorkingMemory
):
    await poisoned(world, "one", "bad", "two", "bad too")
    world.extractor.poison = set()
    world.extractor.contexts.clear()
    assert await working.retry(CHAT, [2]) == 1
    session = await world.sessions.get(CHAT)
    assert (session.cursor, session.pending) == (4, 1)
    assert await failures(world) == [(2, 0, True), (4, 0, False)]
    await drain(world)
    assert world.extractor.contexts == [[1]]
    assert sorted(await world.texts()) == ["bad", "one", "two"]
    assert await failures(world) == [(4, 0, False)]
    session = await world.sessions.get(CHAT)
    assert (session.cursor, session.pending) == (4, 0)
    assert await working.retry(CHAT, []) == 1
    await drain(world)
    assert sorted(await world.texts()) == ["bad", "bad too", "one", "two"]
    assert await failures(world) == []


async def test_what_fails_again_is_a_failure_of_a_new_time(world: World, working: WorkingMemory):
    await poisoned(world, "bad", "one")
    world.extractor.asked.clear()
    assert await working.retry(CHAT, []) == 1
    await drain(world)
    assert world.extractor.asked == [[1]] * ATTEMPTS_PER_INPUT
    assert await failures(world) == [(1, 1, False)]
    assert await world.redis.xlen(DEAD) == 2
    assert await world.texts() == ["one"]


async def test_what_is_new_comes_before_what_is_tried_again(world: World, working: WorkingMemory):
    await poisoned(world, "bad", "one")
    world.extractor.poison = set()
    world.extractor.asked.clear()
    await working.retry(CHAT, [])
    await world.append("two")
    await drain(world)
    assert world.extractor.asked == [[3], [1]]
    assert (await world.sessions.get(CHAT)).cursor == 3


async def test_a_long_range_is_tried_again_in_deltas_and_halved(
    world: World, working: WorkingMemory
):
    await world.append("a", "b", "bad", "d", "e")
    world.extractor.poison = {"bad"}
    session = await world.sessions.get(CHAT)
    state = await world.memories.state(ALICE)
    failed = FailedRange(1, 5, "EXTRACTION_FAILED", NOW)
    advance = SessionAdvance(session, 5, failed=failed)
    plan = Plan((), (), state)
    assert await world.memories.commit(ALICE, plan, base=state, advance=advance) == b""
    world.clock.time += 1
    assert await working.retry(CHAT, [1]) == 5
    extraction = world.extraction(delta_messages=2)
    await extraction.step(CHAT)
    assert await failures(world) == [(3, 0, True)]
    await drain(world)
    assert sorted(await world.texts()) == ["a", "b", "d", "e"]
    assert await failures(world) == [(3, 1, False)]


async def test_a_flush_waits_for_what_is_tried_again(world: World, working: WorkingMemory):
    await poisoned(world, "bad")
    world.extractor.poison = set()
    await working.retry(CHAT, [])
    flush = Flush(world.sessions, world.extraction(), Leases(world.redis, seconds=10))
    assert await flush.run(CHAT) == 1
    assert await world.texts() == ["bad"]


async def test_a_range_that_is_put_back_while_another_is_extracted_is_not_lost(
    world: World, working: WorkingMemory
):
    await poisoned(world, "bad", "bad too")
    world.extractor.poison = set()
    await working.retry(CHAT, [1])
    world.extractor.asked.clear()
    world.extractor.open.clear()
    step = asyncio.create_task(world.extraction().step(CHAT))
    await wait_until(lambda: bool(world.extractor.asked), "the range has been read")
    await working.retry(CHAT, [2])
    world.extractor.open.set()
    assert not (await step).committed
    await drain(world)
    assert sorted(await world.texts()) == ["bad", "bad too"]
    assert await failures(world) == []


async def test_a_range_that_is_not_there_is_refused_and_named(world: World, working: WorkingMemory):
    await poisoned(world, "bad", "one")
    before = await dump(world.redis)
    with pytest.raises(InvalidField) as caught:
        await working.retry(CHAT, [1, 2], request=REQUEST)
    assert caught.value.path == "first_sequences[1]"
    assert await dump(world.redis) == before


async def test_a_session_without_failures_has_nothing_to_try_again(
    world: World, working: WorkingMemory
):
    await world.append("one")
    await drain(world)
    assert await working.retry(CHAT, []) == 0
    assert await world.waiting() == 0


async def test_a_repeated_retry_gets_the_first_answer(world: World, working: WorkingMemory):
    await poisoned(world, "bad")
    world.extractor.poison = set()
    assert await working.retry(CHAT, [], request=REQUEST) == 1
    await drain(world)
    before = await dump(world.redis)
    assert await working.retry(CHAT, [], request=REQUEST) == 1
    with pytest.raises(RequestIdReused):
        await working.retry(CHAT, [1], request=OTHER)
    assert await dump(world.redis) == before
