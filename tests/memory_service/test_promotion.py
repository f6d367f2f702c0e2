"""Memories that callers put into a session become long-term memories, each once."""

from __future__ import annotations

import asyncio

import pytest
from redis.asyncio import Redis

from memory_service.domain.deleting import delete
from memory_service.domain.errors import ExtractorUnavailable
from memory_service.domain.failed_ranges import FailedRange, retried
from memory_service.domain.memory import MemoryType, NewMemory, Source
from memory_service.domain.session_options import ExtractionKind, SessionOptions, Strategy
from memory_service.flush import Flush
from memory_service.store.keys import OwnerKeys
from memory_service.store.leases import Leases
from memory_service.store.queue import Notice
from memory_service.store.session_changes import SessionChanges
from memory_service.store.sessions import MOST_PROMOTED
from tests.support.extraction import CHAT, NOW, FakeExtractor, World, dump, new_world, said
from tests.support.memories import ALICE
from tests.support.waiting import wait_until

NONE = SessionOptions(strategy=Strategy(ExtractionKind.NONE))


@pytest.fixture
async def world(redis: Redis) -> World:
    return await new_world(redis)


def fact(text: str, **fields: object) -> NewMemory:
    return NewMemory("", text, MemoryType.SEMANTIC, **fields)  # type: ignore[arg-type]


async def give(world: World, *memories: NewMemory, messages: tuple[str, ...] = ()) -> None:
    await world.sessions.append(CHAT, said(*messages), memories=memories, now=NOW)


async def waiting(world: World) -> list[str]:
    return [memory.text for memory in (await world.sessions.whole(CHAT, 0)).given]


def flush_of(world: World) -> Flush:
    return Flush(world.sessions, world.extraction(), Leases(world.redis, seconds=10))


async def test_memories_alone_are_promoted_without_the_extractor(world: World):
    world.extractor.down = True
    await give(world, fact("Alice likes tea.", topics=("tea",), metadata='{"a": 1}', pinned=True))
    (notice,) = await world.queue.read(count=9, block_ms=10)
    progress = await world.extraction().step(CHAT, [notice])
    assert progress is not None
    assert (progress.committed, progress.promoted, progress.fulfils(notice)) == (True, 1, True)
    (memory,) = await world.stored()
    assert (memory.text, memory.topics, memory.pinned) == ("Alice likes tea.", ("tea",), True)
    assert (memory.metadata, memory.extractor, memory.confidence) == ('{"a": 1}', "", 1.0)
    assert memory.sources == (Source("chat", ""),)
    assert memory.embedded
    assert await waiting(world) == []
    assert world.extractor.asked == []
    assert (await world.waiting(), await world.pending()) == (0, 0)


async def test_without_vectors_they_are_promoted_all_the_same(world: World):
    world.embedding.down = True
    await give(world, fact("a"))
    await world.extraction().step(CHAT)
    (memory,) = await world.stored()
    assert not memory.embedded
    unembedded = OwnerKeys(ALICE).shared.unembedded
    assert await world.memories.unembedded([unembedded], 9) == [OwnerKeys(ALICE).memory(memory.id)]


async def test_they_go_with_the_next_delta_in_one_step(world: World):
    await give(world, fact("given"), messages=("one", "two"))
    notices = await world.queue.read(count=9, block_ms=10)
    progress = await world.extraction(delta_messages=1).step(CHAT, notices)
    assert progress is not None
    assert (progress.cursor, progress.promoted, progress.fulfils(notices[0])) == (1, 1, False)
    assert await world.texts() == ["given", "one"]
    await world.extraction(delta_messages=1).step(CHAT, notices)
    assert await world.texts() == ["given", "one", "two"]
    assert (await world.waiting(), await world.pending()) == (0, 0)


async def test_while_messages_wait_for_the_extractor_so_do_they(world: World):
    await give(world, fact("given"), messages=("one",))
    world.extractor.down = True
    before = await dump(world.redis)
    with pytest.raises(ExtractorUnavailable):
        await world.extraction().step(CHAT)
    assert await dump(world.redis) == before


async def test_more_than_a_batch_is_promoted_step_by_step(world: World):
    for start in range(0, MOST_PROMOTED + 10, 69):
        await give(world, *(fact(f"fact {start + n}") for n in range(69)))
    await flush_of(world).run(CHAT)
    assert len(await world.stored()) == MOST_PROMOTED + 10
    assert await waiting(world) == []


async def test_a_flush_waits_for_them_and_for_no_later_ones(world: World):
    class Interrupting(FakeExtractor):
        async def extract(self, ref, context, new, strategy, known=()):
            await give(world, fact("later"))
            return await super().extract(ref, context, new, strategy)

    await give(world, fact("given"), messages=("one",))
    extraction = world.extraction(Interrupting())
    await Flush(world.sessions, extraction, Leases(world.redis, seconds=10)).run(CHAT)
    assert await world.texts() == ["given", "one"]
    assert await waiting(world) == ["later"]
    await flush_of(world).run(CHAT)
    assert await world.texts() == ["given", "one", "later"]


async def test_two_who_promote_at_once_promote_once(world: World):
    await give(world, fact("given"), messages=("one",))
    world.extractor.open.clear()
    steps = [asyncio.create_task(world.extraction().step(CHAT)) for _ in range(2)]
    await wait_until(lambda: len(world.extractor.asked) == 2, "both have read the session")
    world.extractor.open.set()
    found = await asyncio.gather(*steps)
    assert sorted(progress.committed for progress in found if progress) == [False, True]
    assert await world.texts() == ["given", "one"]
    assert [turn.text for turn in await world.turns()] == ["one"]
    assert (await world.memories.state(ALICE)).revision == 3


async def test_what_was_promoted_and_then_deleted_does_not_come_back(world: World):
    """One who has read the session, and slept while another promoted and a user deleted."""
    await give(world, fact("given"))

    async def promoted_and_deleted() -> None:
        world.embedding.before = None
        await world.extraction().step(CHAT)
        known = await world.memories.known(ALICE, (), ())
        plan = delete(await world.stored(), known.state, NOW)
        assert await world.memories.commit(ALICE, plan, base=known.state) == b""

    world.embedding.before = promoted_and_deleted
    progress = await world.extraction().step(CHAT)
    assert progress is not None
    assert not progress.committed
    assert await world.stored() == []
    assert await waiting(world) == []


async def test_a_fact_that_is_known_gains_the_session_as_its_source(world: World):
    await world.append("Alice likes tea.")
    await world.extraction().step(CHAT)
    await give(world, fact("alice likes tea"))
    await world.extraction().step(CHAT)
    (memory,) = await world.stored()
    assert [source.message_id for source in memory.sources] == ["1", ""]


async def test_what_a_caller_wrote_stays_as_it_is_beside_what_was_found(world: World):
    await give(world, fact("Alice likes tea.", pinned=True), messages=("alice likes TEA",))
    await world.extraction().step(CHAT)
    (memory,) = await world.stored()
    assert (memory.text, memory.pinned, memory.extractor) == ("Alice likes tea.", True, "")
    assert [source.message_id for source in memory.sources] == ["", "1"]


async def test_an_id_that_is_in_use_is_no_reason_to_lose_one(world: World):
    await give(world, NewMemory("x", "a", MemoryType.SEMANTIC))
    await world.extraction().step(CHAT)
    await give(world, NewMemory("x", "b", MemoryType.SEMANTIC), fact("c"))
    await world.extraction().step(CHAT)
    assert [memory.text for memory in await world.stored()] == ["a", "b", "c"]
    first, second, _ = await world.stored()
    assert first.id == "x" != second.id


async def test_what_a_user_deleted_is_stored_again_if_the_caller_says_so(world: World):
    await give(world, fact("a"))
    await world.extraction().step(CHAT)
    known = await world.memories.known(ALICE, (), ())
    plan = delete(await world.stored(), known.state, NOW)
    await world.memories.commit(ALICE, plan, base=known.state)
    await give(world, fact("a"))
    await world.extraction().step(CHAT)
    assert await world.texts() == ["a"]


async def test_a_session_that_is_not_extracted_asks_nobody_and_is_done(world: World):
    world.extractor.down = True
    await world.sessions.append(
        CHAT, said("one", "two", "three"), memories=[fact("given")], options=NONE, now=NOW
    )
    notices = await world.queue.read(count=9, block_ms=10)
    extraction = world.extraction(delta_messages=2)
    await extraction.step(CHAT, notices)
    progress = await extraction.step(CHAT, notices)
    assert progress is not None
    assert (progress.cursor, progress.committed) == (3, True)
    assert await world.texts() == ["given"]
    assert [turn.text for turn in await world.turns()] == ["one", "two", "three"]
    assert (await world.waiting(), world.extractor.asked) == (0, [])
    again = await world.extraction().step(CHAT)
    assert again is not None
    assert not again.committed


async def test_each_step_goes_by_the_strategy_of_its_time(world: World):
    cats = SessionOptions(strategy=Strategy(ExtractionKind.CUSTOM, "Only cats."))
    await world.append("one")
    await world.extraction().step(CHAT)
    await world.sessions.append(CHAT, said("two"), options=cats, now=NOW)
    await world.extraction().step(CHAT)
    await world.sessions.append(CHAT, said("three"), options=NONE, now=NOW)
    await world.extraction().step(CHAT)
    kinds = [strategy.kind for strategy in world.extractor.strategies]
    assert kinds == [ExtractionKind.DISCRETE, ExtractionKind.CUSTOM]
    assert world.extractor.strategies[1].instructions == "Only cats."
    assert await world.texts() == ["one", "two"]


async def test_a_strategy_that_changes_while_a_delta_is_out_holds_for_it(world: World):
    await world.append("secret")
    world.extractor.open.clear()
    step = asyncio.create_task(world.extraction().step(CHAT))
    await wait_until(lambda: bool(world.extractor.asked), "the session has been read")
    await world.sessions.append(CHAT, said("x"), options=NONE, now=NOW)
    world.extractor.open.set()
    progress = await step
    assert progress is not None
    assert not progress.committed
    await world.extraction().step(CHAT)
    assert await world.stored() == []
    assert (await world.sessions.get(CHAT)).cursor == 2


async def test_failed_messages_of_a_session_that_is_not_extracted_any_more_are_done(world: World):
    world.extractor.poison = {"bad"}
    await world.append("bad", "good")
    extraction = world.extraction()
    while (progress := await extraction.step(CHAT)) and progress.committed:
        pass
    seen = (await world.sessions.append(CHAT, [], options=NONE, now=NOW)).session
    assert seen.failed_ranges == (FailedRange(1, 1, "EXTRACTION_FAILED", NOW),)
    await SessionChanges(world.redis).retry(seen, retried(seen.failed_ranges, ()))
    progress = await extraction.step(CHAT)
    assert progress is not None
    assert (progress.cursor, progress.retrying) == (2, 0)
    assert (await world.sessions.get(CHAT)).failed_ranges == ()
    assert await world.texts() == ["good"]


async def test_progress_tells_whether_the_memories_of_a_notice_are_promoted(world: World):
    await give(world, fact("a"), fact("b"))
    progress = await world.extraction().step(CHAT)
    assert progress is not None
    assert progress.fulfils(Notice("1-0", CHAT, generation=1, tail=0, given=2))
    assert not progress.fulfils(Notice("2-0", CHAT, generation=1, tail=0, given=3))
