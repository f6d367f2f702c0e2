from __future__ import annotations

import asyncio

import pytest
from redis.asyncio import Redis

from memory_service.domain.errors import ExtractionFailed, ExtractorUnavailable
from memory_service.domain.owner import SessionRef
from memory_service.extraction import ATTEMPTS_PER_INPUT
from memory_service.store.keys import OwnerKeys
from memory_service.store.queue import Notice
from tests.support.extraction import (
    CHAT,
    NOW,
    FakeExtractor,
    World,
    dump,
    new_world,
    numbered,
    said,
)
from tests.support.memories import ALICE
from tests.support.waiting import wait_until

DEAD = OwnerKeys(ALICE).shared.dead


@pytest.fixture
async def world(redis: Redis) -> World:
    return await new_world(redis)


async def drain(world: World, ref: SessionRef = CHAT, **options: int) -> None:
    """Step until nothing is left."""
    extraction = world.extraction(**options)
    while (progress := await extraction.step(ref)) and progress.committed:
        pass


def facts(count: int, *, without: int = 0) -> list[str]:
    return [f"fact {n}" for n in range(1, count + 1) if n != without]


async def test_a_step_extracts_one_delta_and_says_how_far_it_came(world: World):
    await world.sessions.append(CHAT, numbered(5), now=NOW)
    extraction = world.extraction(delta_messages=3)
    first = await extraction.step(CHAT)
    assert (first.generation, first.cursor, first.committed) == (1, 3, True)
    second = await extraction.step(CHAT)
    assert (second.cursor, second.committed) == (5, True)
    last = await extraction.step(CHAT)
    assert (last.cursor, last.committed) == (5, False)
    assert await world.texts() == facts(5)
    assert world.extractor.asked == [[1, 2, 3], [4, 5]]
    assert world.extractor.contexts == [[], [2, 3]]


async def test_a_session_that_is_not_there_is_nothing_to_extract(world: World):
    assert await world.extraction().step(CHAT) is None
    assert world.extractor.asked == []


async def test_the_extractors_own_limit_holds(redis: Redis):
    world = await new_world(redis, FakeExtractor(messages=2))
    await world.sessions.append(CHAT, numbered(5), now=NOW)
    await drain(world)
    assert world.extractor.asked == [[1, 2], [3, 4], [5]]


async def test_where_deltas_are_cut_changes_nothing(world: World):
    other = SessionRef(ALICE, "other")
    for ref, size in ((CHAT, 1), (other, 7)):
        await world.sessions.append(ref, numbered(20), now=NOW)
        await drain(world, ref, delta_messages=size)
    assert await world.texts() == facts(20)
    for memory in await world.stored():
        assert {source.session_id for source in memory.sources} == {"chat", "other"}


async def test_a_step_acknowledges_the_notices_that_it_made_good_and_no_others(world: World):
    await world.append("one")
    await world.append("two")
    notices = await world.queue.read(count=9, block_ms=10)
    extraction = world.extraction(delta_messages=1)
    await extraction.step(CHAT, notices)
    assert (await world.waiting(), await world.pending()) == (1, 1)
    await extraction.step(CHAT, notices)
    assert (await world.waiting(), await world.pending()) == (0, 0)


async def test_a_notice_of_an_earlier_generation_is_fulfilled_by_the_later_one(world: World):
    await world.append("one")
    (old,) = await world.queue.read(count=9, block_ms=10)
    await world.sessions.delete(CHAT)
    await world.append("two")
    progress = await world.extraction().step(CHAT, [old])
    assert progress.fulfils(old)
    assert await world.pending() == 0
    assert await world.texts() == ["two"]


async def test_two_extractions_of_one_session_commit_once(world: World):
    await world.sessions.append(CHAT, numbered(8), now=NOW)
    world.extractor.open.clear()
    steps = [asyncio.create_task(world.extraction().step(CHAT)) for _ in range(2)]
    await wait_until(lambda: len(world.extractor.asked) == 2, "both have read the session")
    world.extractor.open.set()
    found = await asyncio.gather(*steps)
    assert sorted(progress.committed for progress in found) == [False, True]
    assert await world.texts() == facts(8)
    state = await world.memories.state(ALICE)
    assert state.revision == 16
    assert [turn.text for turn in await world.turns()] == facts(8)


async def test_a_slow_one_cannot_take_the_cursor_back(world: World):
    await world.sessions.append(CHAT, numbered(4), now=NOW)
    slow = FakeExtractor()
    slow.open.clear()
    late = asyncio.create_task(world.extraction(slow, delta_messages=2).step(CHAT))
    await wait_until(lambda: bool(slow.asked), "the slow one has read the session")
    await drain(world)
    slow.open.set()
    assert not (await late).committed
    assert (await world.sessions.get(CHAT)).cursor == 4
    assert (await world.memories.state(ALICE)).revision == 8
    assert [turn.text for turn in await world.turns()] == facts(4)


@pytest.mark.parametrize("again", [True, False])
async def test_a_session_deleted_while_it_was_extracted_leaves_no_memory(world: World, again: bool):
    await world.append("secret")
    world.extractor.open.clear()
    step = asyncio.create_task(world.extraction().step(CHAT))
    await wait_until(lambda: bool(world.extractor.asked), "the session has been read")
    await world.sessions.delete(CHAT)
    if again:
        await world.append("public")
    before = await dump(world.redis)
    world.extractor.open.set()
    assert not (await step).committed
    assert await dump(world.redis) == before
    await drain(world)
    assert await world.texts() == (["public"] if again else [])


async def test_two_sessions_that_learn_one_fact_at_once_make_one_memory_of_both(world: World):
    refs = [SessionRef(ALICE, f"s{n}") for n in range(6)]
    for ref in refs:
        await world.append("Alice likes tea.", ref=ref)
    world.extractor.open.clear()
    steps = [asyncio.create_task(world.extraction().step(ref)) for ref in refs]
    await wait_until(lambda: len(world.extractor.asked) == 6, "all have read their session")
    world.extractor.open.set()
    assert all(progress.committed for progress in await asyncio.gather(*steps))
    (memory,) = await world.stored()
    assert {source.session_id for source in memory.sources} == {ref.session_id for ref in refs}
    assert memory.revision == (await world.memories.state(ALICE)).revision == 12
    entries = await world.redis.xrange(OwnerKeys(ALICE).changes)
    assert [entry_id for entry_id, _ in entries] == [f"{n}-0".encode() for n in range(1, 13)]
    of_facts = [e[b"kind"] for _, e in entries if e[b"type"] != b"message"]
    assert of_facts == [b"created", *[b"updated"] * 5]
    assert len(await world.turns()) == 6


async def test_many_sessions_of_one_owner_at_once_lose_nothing_and_number_everything(world: World):
    refs = [SessionRef(ALICE, f"s{n}") for n in range(12)]
    for n, ref in enumerate(refs):
        await world.append(f"a {n}", f"b {n}", ref=ref)
    extraction = world.extraction()
    await asyncio.gather(*(extraction.step(ref) for ref in refs))
    facts_of_all, turns = await world.stored(), await world.turns()
    stored = [*facts_of_all, *turns]
    for each in (facts_of_all, turns):
        assert sorted(m.text for m in each) == sorted(f"{x} {n}" for n in range(12) for x in "ab")
    assert sorted(m.revision for m in stored) == list(range(1, 49))
    assert len({m.created for m in stored}) == 48
    assert (await world.memories.state(ALICE)).last_created == max(m.created for m in stored)


@pytest.mark.parametrize("poisonous", [1, 2, 17, 32])
async def test_one_poisonous_message_is_found_and_only_it_is_given_up(world: World, poisonous: int):
    world.extractor.poison = {f"fact {poisonous}"}
    await world.sessions.append(CHAT, numbered(32), now=NOW)
    await drain(world)
    assert await world.texts() == facts(32, without=poisonous)
    assert sorted(world.extractor.answered) == [n for n in range(1, 33) if n != poisonous]
    session = await world.sessions.get(CHAT)
    assert session.cursor == 32
    (failed,) = session.failed_ranges
    assert (failed.first, failed.last) == (poisonous, poisonous)
    assert (failed.reason, failed.failed) == ("EXTRACTION_FAILED", NOW)
    ((_, letter),) = await world.redis.xrange(DEAD)
    assert (letter[b"first"], letter[b"last"]) == (str(poisonous).encode(),) * 2


async def test_several_poisonous_messages_are_each_given_up(world: World):
    world.extractor.poison = {"fact 2", "fact 3", "fact 9"}
    await world.sessions.append(CHAT, numbered(10), now=NOW)
    await drain(world)
    ranges = (await world.sessions.get(CHAT)).failed_ranges
    assert [(r.first, r.last) for r in ranges] == [(2, 2), (3, 3), (9, 9)]
    assert len(await world.texts()) == 7


async def test_an_input_is_tried_again_before_it_counts_as_failed(world: World):
    world.extractor.poison = {"bad"}
    await world.append("bad")
    await world.extraction().step(CHAT)
    assert world.extractor.asked == [[1]] * ATTEMPTS_PER_INPUT
    assert await world.texts() == []


async def test_what_another_process_left_starts_with_a_clean_slate(world: World):
    """Failures are of an input: another one that comes in its place has not failed yet."""
    await world.append("bad")

    class Unlucky(FakeExtractor):
        async def extract(self, ref, context, new, strategy, known=()):
            found = await super().extract(ref, context, new, strategy)
            if len(self.asked) == ATTEMPTS_PER_INPUT - 1:
                await world.append("good")
                other = FakeExtractor(poison=["bad"])
                await world.extraction(other, delta_messages=1).step(CHAT)
            if len(self.asked) <= ATTEMPTS_PER_INPUT:
                raise ExtractionFailed("EXTRACTION_FAILED")
            return found

    unlucky = Unlucky()
    await world.extraction(unlucky).step(CHAT)
    assert unlucky.asked == [[1], [1], [2], [2]]
    session = await world.sessions.get(CHAT)
    assert [(r.first, r.last) for r in session.failed_ranges] == [(1, 1)]
    assert await world.texts() == ["good"]


async def test_an_extractor_that_is_down_counts_against_nothing_and_changes_nothing(world: World):
    await world.append("one")
    notices = await world.queue.read(count=9, block_ms=10)
    before = await dump(world.redis)
    extraction = world.extraction()
    world.extractor.down = True
    for _ in range(10):
        with pytest.raises(ExtractorUnavailable):
            await extraction.step(CHAT, notices)
    assert await dump(world.redis) == before
    world.extractor.down = False
    assert (await extraction.step(CHAT, notices)).committed
    assert await world.texts() == ["one"]


async def test_an_extractor_that_goes_down_half_way_changes_nothing(world: World):
    world.extractor.poison = {"bad"}
    await world.append("bad", "good")
    before = await dump(world.redis)

    class Dying(FakeExtractor):
        async def extract(self, ref, context, new, strategy, known=()):
            self.down = len(self.asked) >= ATTEMPTS_PER_INPUT
            return await super().extract(ref, context, new, strategy)

    with pytest.raises(ExtractorUnavailable):
        await world.extraction(Dying(poison=["bad"])).step(CHAT)
    assert await dump(world.redis) == before


async def test_a_fact_that_is_known_from_the_same_message_changes_nothing(world: World):
    """A second extraction of a message, say after a failure between commit and answer."""
    await world.append("one", "two")
    await drain(world)
    revision = (await world.memories.state(ALICE)).revision
    await world.redis.hset(OwnerKeys(ALICE).session("chat"), "cursor", "0")
    await drain(world)
    assert (await world.memories.state(ALICE)).revision == revision
    assert await world.texts() == ["one", "two"]
    assert (await world.sessions.get(CHAT)).cursor == 2


async def test_progress_tells_which_notices_it_fulfils(world: World):
    await world.sessions.append(CHAT, said("one", "two"), now=NOW)
    progress = await world.extraction(delta_messages=1).step(CHAT)
    assert progress.fulfils(Notice("1-0", CHAT, generation=1, tail=1))
    assert not progress.fulfils(Notice("2-0", CHAT, generation=1, tail=2))
    assert progress.fulfils(Notice("3-0", CHAT, generation=0, tail=2))
