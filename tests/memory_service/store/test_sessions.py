from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from redis.asyncio import Redis

from memory_service.domain.changes import Plan
from memory_service.domain.errors import (
    EtagMismatch,
    MessageIdReused,
    NotExtracted,
    RequestIdReused,
    SessionNotFound,
)
from memory_service.domain.failed_ranges import FailedRange
from memory_service.domain.owner import SessionRef
from memory_service.domain.requests import RequestKey
from memory_service.domain.session import NewMessage, Role, Session
from memory_service.domain.session_options import ExtractionKind, SessionOptions, Strategy
from memory_service.store.commits import SessionAdvance
from memory_service.store.keys import OwnerKeys
from memory_service.store.session_records import decode_failed, encode_failed
from tests.support.extraction import CHAT, NOW, World, dump, new_world, numbered, said
from tests.support.memories import ALICE, BOB

REQUEST = RequestKey("AppendMessages", "r1", "arguments")


@pytest.fixture
async def world(redis: Redis) -> World:
    return await new_world(redis)


async def contents(world: World, ref: SessionRef = CHAT) -> list[str]:
    _, messages = await world.sessions.recent(ref, 1000)
    assert [m.sequence for m in messages] == list(range(1, len(messages) + 1))
    return [message.content for message in messages]


def named(id_: str, content: str = "hi", created: int = 0) -> NewMessage:
    return NewMessage(id_, Role.USER, "Alice", content, created)


async def extract(world: World, session: Session, cursor: int) -> None:
    state = await world.memories.state(session.ref.owner)
    plan = Plan((), (), state)
    advance = SessionAdvance(session, cursor)
    assert await world.memories.commit(ALICE, plan, base=state, advance=advance) == b""


async def test_the_first_append_makes_the_session(world: World):
    appended = await world.sessions.append(CHAT, said("one", "two"), now=NOW)
    session = Session(CHAT, generation=1, created=NOW, updated=NOW, version=1, tail=2, cursor=0)
    assert (appended.message_ids, appended.session) == (("1", "2"), session)
    assert await world.sessions.get(CHAT) == session
    assert await contents(world) == ["one", "two"]


async def test_later_appends_go_on_from_there(world: World):
    await world.sessions.append(CHAT, said("one"), now=NOW)
    appended = await world.sessions.append(CHAT, said("two"), now=NOW + 5)
    session = appended.session
    assert session == await world.sessions.get(CHAT)
    assert (session.tail, session.version, session.created) == (2, 2, NOW)
    assert session.updated == NOW + 5
    assert appended.message_ids == ("2",)


async def test_messages_keep_their_own_time_or_get_that_of_the_append(world: World):
    await world.sessions.append(CHAT, [named("a", created=5), named("b")], now=NOW)
    _, messages = await world.sessions.recent(CHAT, 10)
    assert [m.created for m in messages] == [5, NOW]


async def test_each_append_leaves_one_notice(world: World):
    await world.sessions.append(CHAT, said("one", "two"), now=NOW)
    await world.sessions.append(CHAT, said("three"), now=NOW)
    notices = await world.queue.read(count=10, block_ms=10)
    assert [(n.ref, n.generation, n.tail) for n in notices] == [(CHAT, 1, 2), (CHAT, 1, 3)]


async def test_concurrent_writers_leave_no_gap_and_lose_nothing(world: World):
    batches = [said(f"{writer}a", f"{writer}b", f"{writer}c") for writer in range(40)]
    answers = await asyncio.gather(*(world.sessions.append(CHAT, b, now=NOW) for b in batches))
    kept = await contents(world)
    assert sorted(kept) == sorted(m.content for batch in batches for m in batch)
    for batch, answer in zip(batches, answers, strict=True):
        places = [int(id_) for id_ in answer.message_ids]
        assert places == list(range(places[0], places[0] + 3))
        assert [kept[place - 1] for place in places] == [m.content for m in batch]
    session = await world.sessions.get(CHAT)
    assert (session.tail, session.version, session.generation) == (120, 40, 1)


async def test_a_repeated_message_is_not_appended_twice(world: World):
    await world.sessions.append(CHAT, [named("a"), named("b")], now=NOW)
    before = await dump(world.redis)
    again = await world.sessions.append(CHAT, [named("b"), named("a")], now=NOW + 9)
    assert again.message_ids == ("b", "a")
    assert again.session == await world.sessions.get(CHAT)
    assert await dump(world.redis) == before


async def test_a_repeat_beside_something_new_appends_the_new_alone(world: World):
    await world.sessions.append(CHAT, [named("a", "one")], now=NOW)
    both = [named("a", "one"), named("", "two"), named("c", "three")]
    appended = await world.sessions.append(CHAT, both, now=NOW)
    assert appended.message_ids == ("a", "2", "c")
    assert await contents(world) == ["one", "two", "three"]


async def test_the_same_message_twice_in_one_request_is_one(world: World):
    twice = [named("a"), named("b"), named("a")]
    appended = await world.sessions.append(CHAT, twice, now=NOW)
    assert appended.message_ids == ("a", "b", "a")
    assert appended.session.tail == 2


@pytest.mark.parametrize("at_once", [True, False])
async def test_an_id_with_other_content_is_refused_and_nothing_is_written(
    world: World, at_once: bool
):
    batch = [named("x", "fine"), named("a", "other")]
    if at_once:
        batch.insert(0, named("a", "one"))
    else:
        await world.sessions.append(CHAT, [named("a", "one")], now=NOW)
    before = await dump(world.redis)
    with pytest.raises(MessageIdReused) as caught:
        await world.sessions.append(CHAT, batch, now=NOW, request=REQUEST)
    assert caught.value.index == len(batch) - 1
    assert await dump(world.redis) == before


@pytest.mark.parametrize(
    "change",
    [
        {"content": "other"},
        {"role": Role.ASSISTANT},
        {"name": "Bob"},
        {"created": 7},
        {"metadata": "{}"},
        {"tool_call_id": "t"},
    ],
)
async def test_any_difference_makes_it_another_message(world: World, change: dict):
    await world.sessions.append(CHAT, [named("a")], now=NOW)
    with pytest.raises(MessageIdReused):
        await world.sessions.append(CHAT, [replace(named("a"), **change)], now=NOW)


async def test_a_repeated_request_gets_the_first_answer(world: World):
    first = await world.sessions.append(CHAT, said("one"), now=NOW, request=REQUEST)
    await world.sessions.append(CHAT, said("two"), now=NOW + 1)
    before = await dump(world.redis)
    again = await world.sessions.append(
        CHAT, said("one"), now=NOW + 2, request=REQUEST, etag=first.session.etag
    )
    assert again == first
    assert await dump(world.redis) == before


async def test_the_same_request_many_times_at_once_is_done_once(world: World):
    answers = await asyncio.gather(
        *(world.sessions.append(CHAT, said("one"), now=NOW, request=REQUEST) for _ in range(20))
    )
    assert len(set(answers)) == 1
    assert await contents(world) == ["one"]


async def test_a_request_id_for_other_arguments_is_refused(world: World):
    await world.sessions.append(CHAT, said("one"), now=NOW, request=REQUEST)
    before = await dump(world.redis)
    with pytest.raises(RequestIdReused):
        await world.sessions.append(
            CHAT, said("two"), now=NOW, request=replace(REQUEST, arguments="other")
        )
    assert await dump(world.redis) == before


async def test_request_ids_are_apart_for_each_owner_and_method(world: World):
    bobs = SessionRef(BOB, "chat")
    await world.sessions.append(CHAT, said("one"), now=NOW, request=REQUEST)
    await world.sessions.append(bobs, said("two"), now=NOW, request=REQUEST)
    assert await contents(world, bobs) == ["two"]
    deleted = await world.sessions.delete(CHAT, request=replace(REQUEST, method="Delete"))
    assert deleted.messages == 1


async def test_an_etag_lets_nobody_write_over_what_they_have_not_seen(world: World):
    seen = (await world.sessions.append(CHAT, said("one"), now=NOW)).session.etag
    newer = (await world.sessions.append(CHAT, said("two"), now=NOW, etag=seen)).session.etag
    assert newer != seen
    before = await dump(world.redis)
    with pytest.raises(EtagMismatch):
        await world.sessions.append(CHAT, said("three"), now=NOW, etag=seen)
    with pytest.raises(EtagMismatch):
        await world.sessions.append(SessionRef(ALICE, "new"), said("x"), now=NOW, etag=seen)
    with pytest.raises(EtagMismatch):
        await world.sessions.delete(CHAT, etag=seen)
    assert await dump(world.redis) == before
    assert (await world.sessions.delete(CHAT, etag=newer)).messages == 2


async def test_a_session_made_anew_is_another_generation_with_other_etags(world: World):
    first = (await world.sessions.append(CHAT, [named("a")], now=NOW)).session
    await world.sessions.delete(CHAT)
    second = (await world.sessions.append(CHAT, [named("a", "new")], now=NOW)).session
    assert (first.generation, second.generation) == (1, 2)
    assert (second.version, second.tail, second.cursor) == (1, 1, 0)
    assert first.etag != second.etag
    assert await contents(world) == ["new"]


async def test_a_deleted_session_leaves_only_its_owner_its_notices_and_the_answer(world: World):
    seen = (await world.sessions.append(CHAT, [named("a"), named("b")], now=NOW)).session
    deleted = await world.sessions.delete(CHAT, request=REQUEST)
    assert (deleted.messages, deleted.unextracted) == (2, 2)
    with pytest.raises(SessionNotFound):
        await world.sessions.get(CHAT)
    with pytest.raises(SessionNotFound):
        await world.sessions.recent(CHAT, 1)
    assert await world.sessions.find(CHAT) is None
    assert await world.sessions.unextracted(seen, limit=1, context=1) is None
    assert await world.sessions.list(ALICE, offset=0, count=5) == ([], 0)
    own = OwnerKeys(ALICE)
    left = {key for key in await dump(world.redis) if b":alice" in key}
    assert left == {own.state.encode(), own.request("AppendMessages", "r1").encode()}
    assert await world.sessions.delete(CHAT, request=REQUEST) == deleted
    assert await world.sessions.is_repeat(CHAT, REQUEST)
    assert not await world.sessions.is_repeat(CHAT, replace(REQUEST, id="r2"))
    with pytest.raises(SessionNotFound):
        await world.sessions.delete(CHAT)


async def test_a_session_is_deleted_after_extraction_only_when_it_is_whole(world: World):
    session = (await world.sessions.append(CHAT, said("a", "b"), now=NOW)).session
    await extract(world, session, 1)
    with pytest.raises(NotExtracted):
        await world.sessions.delete(CHAT, only_if_extracted=True)
    await extract(world, replace(session, cursor=1), 2)
    deleted = await world.sessions.delete(CHAT, only_if_extracted=True)
    assert (deleted.messages, deleted.unextracted) == (2, 0)


@pytest.mark.parametrize(("count", "kept"), [(0, []), (2, ["fact 4", "fact 5"]), (9, None)])
async def test_the_newest_messages_come_oldest_first(world: World, count: int, kept: list | None):
    await world.sessions.append(CHAT, numbered(5), now=NOW)
    session, messages = await world.sessions.recent(CHAT, count)
    assert session.tail == 5
    found = [message.content for message in messages]
    assert found == (kept if kept is not None else [f"fact {n}" for n in range(1, 6)])


async def test_what_is_next_to_extract_comes_with_what_was_said_before(world: World):
    session = (await world.sessions.append(CHAT, numbered(10), now=NOW)).session

    async def look(limit: int, context: int) -> tuple[list[int], list[int]]:
        seen = await world.sessions.get(CHAT)
        work = await world.sessions.unextracted(seen, limit=limit, context=context)
        return [m.sequence for m in work.context], [m.sequence for m in work.messages]

    assert await look(3, 2) == ([], [1, 2, 3])
    await extract(world, session, 4)
    assert await look(3, 2) == ([3, 4], [5, 6, 7])
    assert await look(99, 0) == ([], [5, 6, 7, 8, 9, 10])
    await extract(world, replace(session, cursor=4), 10)
    assert await look(3, 2) == ([], [])


async def test_messages_are_read_by_their_place(world: World):
    await world.sessions.append(CHAT, numbered(5), now=NOW)

    async def places(first: int, last: int) -> list[int]:
        found = await world.sessions.messages_between(CHAT, first, last)
        return [message.sequence for message in found]

    assert await places(2, 4) == [2, 3, 4]
    assert await places(5, 99) == [5]
    assert await places(4, 3) == []
    (third,) = await world.sessions.messages_between(CHAT, 3, 3)
    assert third.content == "fact 3"


async def test_what_moved_since_it_was_read_is_not_extracted(world: World):
    session = (await world.sessions.append(CHAT, numbered(3), now=NOW)).session
    await extract(world, session, 1)
    assert await world.sessions.unextracted(session, limit=9, context=0) is None
    seen = await world.sessions.get(CHAT)
    other = SessionOptions(strategy=Strategy(ExtractionKind.NONE))
    await world.sessions.append(CHAT, said("x"), now=NOW, options=other)
    assert await world.sessions.unextracted(seen, limit=9, context=0) is None


async def test_sessions_are_listed_the_last_active_first(world: World):
    for n, name in enumerate(["a", "b", "c"]):
        await world.sessions.append(SessionRef(ALICE, name), said("x"), now=NOW + n)
    await world.sessions.append(SessionRef(ALICE, "a"), said("y"), now=NOW + 9)
    await world.sessions.append(SessionRef(BOB, "z"), said("y"), now=NOW)
    found, total = await world.sessions.list(ALICE, offset=0, count=2)
    assert ([s.ref.session_id for s in found], total) == (["a", "c"], 3)
    found, total = await world.sessions.list(ALICE, offset=2, count=2)
    assert ([s.ref.session_id for s in found], total) == (["b"], 3)
    assert found[0].tail == 1


async def test_one_session_id_under_two_owners_is_two_sessions(world: World):
    await world.sessions.append(CHAT, said("mine"), now=NOW)
    await world.sessions.append(SessionRef(BOB, "chat"), said("yours"), now=NOW)
    assert await contents(world) == ["mine"]
    assert await contents(world, SessionRef(BOB, "chat")) == ["yours"]


async def test_any_text_is_kept_byte_for_byte(world: World):
    nasty = SessionRef(replace(ALICE, id="a:{b}\u2028%"), 'ü "}|*: \n')
    text = "\0\x01 \u2028 日本 👩‍👩‍👧 \\ \" { } 'x'" + "ü" * 100_000
    appended = await world.sessions.append(nasty, [named("é:{}", text)], now=NOW)
    assert appended.message_ids == ("é:{}",)
    assert await contents(world, nasty) == [text]
    (notice,) = await world.queue.read(count=1, block_ms=10)
    assert notice.ref == nasty
    found, _ = await world.sessions.list(nasty.owner, offset=0, count=1)
    assert found[0].ref == nasty


async def test_a_whole_request_of_the_largest_size_is_one_append(world: World):
    appended = await world.sessions.append(
        CHAT, [named(f"m{n}", "x" * 8000) for n in range(256)], now=NOW, request=REQUEST
    )
    assert appended.session.tail == 256
    assert appended.message_ids == tuple(f"m{n}" for n in range(256))
    again = await world.sessions.append(CHAT, [named("q")], now=NOW, request=REQUEST)
    assert again == appended


def test_failed_ranges_come_back():
    ranges = (FailedRange(1, 2, "EXTRACTION_FAILED", NOW), FailedRange(5, 5, "ü", NOW))
    assert decode_failed(encode_failed(ranges)) == ranges
    assert decode_failed(b"") == ()
