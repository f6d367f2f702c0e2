"""Many callers, two MemoryService processes, one Redis."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.client import Caller, Stub, connected, said
from tests.support.stack import Services, memory_in, serving

WRITERS = 8
APPENDS = 12
FACTS = {
    "I live in Oslo.": "Alice lives in Oslo.",
    "I have a dog.": "Alice has a dog.",
    "I play the cello.": "Alice plays the cello.",
}


@pytest.fixture(scope="module")
async def second(services: Services) -> AsyncIterator[Stub]:
    """Another process beside the shared one."""
    with tempfile.TemporaryDirectory(prefix="am-e2e-") as name:
        extractor = services.extractor.address
        memory = memory_in(Path(name), redis_url=services.redis_url, extractor=extractor)
        async with serving(memory), connected(memory.address) as stub:
            yield stub


@pytest.fixture
def twin(caller: Caller, second: Stub) -> Caller:
    """The same user at the other process."""
    return Caller(second, user=caller.user, namespace=caller.namespace)


async def test_appenders_of_one_session_lose_nothing_and_keep_their_order(
    caller: Caller, twin: Caller
) -> None:
    async def write(writer: int) -> None:
        through = (caller, twin)[writer % 2]
        for number in range(APPENDS):
            lines = [f"{writer} says {2 * number}", f"{writer} says {2 * number + 1}"]
            await through.append("chat", [said(line) for line in lines])

    await asyncio.gather(*(write(writer) for writer in range(WRITERS)))
    messages = (await caller.working_memory("chat")).messages
    total = WRITERS * APPENDS * 2
    assert [message.sequence for message in messages] == list(range(1, total + 1))
    for writer in range(WRITERS):
        own = [m.content for m in messages if m.content.startswith(f"{writer} ")]
        assert own == [f"{writer} says {number}" for number in range(APPENDS * 2)]


async def test_the_messages_of_one_append_stay_together(caller: Caller, twin: Caller) -> None:
    async def write(through: Caller, writer: int) -> None:
        batch = [said(f"{writer} part {part}") for part in range(5)]
        for _ in range(3):
            await through.append("chat", batch)

    await asyncio.gather(*(write((caller, twin)[n % 2], n) for n in range(6)))
    contents = [m.content for m in (await caller.working_memory("chat")).messages]
    assert len(contents) == 6 * 3 * 5
    for start in range(0, len(contents), 5):
        writer = contents[start].split()[0]
        assert contents[start : start + 5] == [f"{writer} part {part}" for part in range(5)]


async def test_a_request_sent_many_times_at_once_is_done_once(caller: Caller, twin: Caller) -> None:
    calls = [
        through.append("chat", [said("I live in Oslo.")], request_id="r1")
        for through in (caller, twin) * 5
    ]
    answers = await asyncio.gather(*calls)
    assert len({answer.SerializeToString(deterministic=True) for answer in answers}) == 1
    assert len((await caller.working_memory("chat")).messages) == 1


async def test_sessions_that_learn_the_same_facts_at_once_share_one_memory_each(
    caller: Caller, twin: Caller
) -> None:
    sessions = {f"s{number}": (caller, twin)[number % 2] for number in range(6)}
    for session, through in sessions.items():
        await through.say(session, *FACTS)
    await asyncio.gather(*(through.flush(session) for session, through in sessions.items()))
    memories = await caller.memories()
    assert sorted(memory.text for memory in memories) == sorted(FACTS.values())
    for memory in memories:
        assert sorted(source.session_id for source in memory.sources) == sorted(sessions)


async def test_one_session_flushed_by_many_at_once_is_extracted_once(
    caller: Caller, twin: Caller
) -> None:
    await caller.say("chat", *FACTS)
    flushed = await asyncio.gather(*(through.flush("chat") for through in (caller, twin) * 4))
    assert {answer.extracted_through for answer in flushed} == {len(FACTS)}
    memories = await caller.memories()
    assert {memory.text for memory in memories} == set(FACTS.values())
    assert all(len(memory.sources) == 1 for memory in memories)
    assert max(memory.revision for memory in memories) == 2 * len(FACTS)  # Turns are memories.


async def test_creators_of_the_same_memory_at_once_make_one(caller: Caller, twin: Caller) -> None:
    calls = [through.create("Alice has a cat.") for through in (caller, twin) * 5]
    answers = await asyncio.gather(*calls)
    assert len({answer.results[0].memory.id for answer in answers}) == 1
    assert len(await caller.memories()) == 1


async def test_creators_of_different_memories_at_once_each_get_a_revision(
    caller: Caller, twin: Caller
) -> None:
    count = 20
    calls = [(caller, twin)[n % 2].create(f"Alice owns book {n}.") for n in range(count)]
    answers = await asyncio.gather(*calls)
    assert sorted(answer.revision for answer in answers) == list(range(1, count + 1))
    memories = await caller.memories()
    assert {memory.text for memory in memories} == {f"Alice owns book {n}." for n in range(count)}
    assert len({memory.create_time.ToNanoseconds() for memory in memories}) == count
