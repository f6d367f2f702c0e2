"""The same conversation gives the same memories, wherever it is cut and whatever dies meanwhile.

Each test plays it to a store of its own, as the same user, so that even the ids must be the same.
"""

from __future__ import annotations

import asyncio
import re
import signal
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import grpc
import pytest
from agentmemory.v1 import memory_pb2
from redis.asyncio import Redis

from memory_service.embedded import EmbeddedRedis
from memory_service.store.connection import connect
from memory_service.store.queue import STREAMS
from service_kit.children import ServerProcess
from tests.support.client import Caller, Stub, comparable, connected, refusal
from tests.support.conversations import conversation, cut
from tests.support.stack import SMALL_DELTAS, again, extractor_in, memory_in, serving
from tests.support.waiting import wait_until

SHORT = 60
LONG = 400
SESSION = "chat"
PATIENCE = 60.0
_CURSOR_MOVED = re.compile(r"HSET am:wm:\S+ cursor (\d+) failed_ranges.*")


@dataclass(frozen=True)
class Learned:
    """What an owner knows after a conversation, and how many changes that took."""

    memories: list[memory_pb2.Memory]
    revision: int


async def learned(caller: Caller) -> Learned:
    memories = await caller.memories()
    return Learned(comparable(memories), max(memory.revision for memory in memories))


def talker(stub: Stub, turns: int) -> Caller:
    return Caller(stub, user=f"talker of {turns}")


async def undisturbed(stub: Stub, turns: int) -> Learned:
    caller = talker(stub, turns)
    for batch in cut(conversation(turns), 64):
        await caller.append(SESSION, batch)
    await caller.flush(SESSION)
    return await learned(caller)


@pytest.fixture(scope="session")
async def short(stub: Stub) -> Learned:
    """What is learned from the short conversation when nothing happens."""
    return await undisturbed(stub, SHORT)


@pytest.fixture(scope="session")
async def long(stub: Stub) -> Learned:
    """What is learned from the long conversation when nothing happens."""
    return await undisturbed(stub, LONG)


@dataclass(frozen=True)
class Store:
    """A Redis of a test's own."""

    directory: Path
    url: str
    redis: Redis
    cursors: list[int] = field(default_factory=list)
    """Where commits left the cursor of the session, in order."""

    def memory(
        self, extractor: ServerProcess, *, name: str = "memory", settings: Mapping[str, str]
    ) -> ServerProcess:
        return memory_in(
            self.directory,
            redis_url=self.url,
            extractor=extractor.address,
            name=name,
            settings=settings,
        )

    async def notices(self) -> int:
        """How many notices of new messages are left, over all partitions."""
        async with self.redis.pipeline(transaction=False) as pipe:
            for stream in STREAMS:
                pipe.xlen(stream)
            return sum(await pipe.execute())

    async def record_cursors(self) -> None:
        """Note each commit that moves a session's cursor, until cancelled."""
        async with self.redis.monitor() as monitor:
            async for line in monitor.listen():
                if moved := _CURSOR_MOVED.fullmatch(line["command"]):
                    self.cursors.append(int(moved[1]))


@pytest.fixture
async def store(directory: Path) -> AsyncIterator[Store]:
    async with EmbeddedRedis(directory / "redis") as embedded:
        redis = connect(embedded.url, max_connections=2)
        store = Store(directory, embedded.url, redis)
        recording = asyncio.create_task(store.record_cursors())
        yield store
        recording.cancel()
        await asyncio.wait([recording])
        await redis.aclose()


@asynccontextmanager
async def caller_of(process: ServerProcess, turns: int) -> AsyncIterator[Caller]:
    async with connected(process.address) as stub:
        yield talker(stub, turns)


async def append_all(caller: Caller, turns: int, *sizes: int) -> None:
    for batch in cut(conversation(turns), *sizes):
        await caller.append(SESSION, batch)


async def reached(caller: Caller, sequence: int) -> int:
    """Wait until the session is extracted up to `sequence` at least; return how far it is."""

    async def is_there() -> bool:
        return await caller.extracted(SESSION) >= sequence

    await wait_until(is_there, f"extracted through {sequence}", seconds=PATIENCE)
    return await caller.extracted(SESSION)


async def assert_extracted_once(
    caller: Caller, store: Store, turns: int, expected: Learned
) -> None:
    """Everything is extracted, nothing was given up, nothing is left to do, and all is as usual."""
    status = await caller.status(SESSION)
    assert (status.extracted_through, status.pending_messages) == (turns, 0)
    assert not status.failed_ranges

    async def nothing_left() -> bool:
        return await store.notices() == 0

    await wait_until(nothing_left, "all notices are acknowledged", seconds=PATIENCE)
    await assert_committed_once(store, turns)
    assert await learned(caller) == expected


async def assert_committed_once(store: Store, turns: int) -> None:
    """The cursor only ever moved on, so that no message was committed twice."""
    await wait_until(lambda: turns in store.cursors, "the last commit is recorded")
    assert store.cursors == sorted(set(store.cursors))
    assert store.cursors[-1] == turns


def turn_numbers(memories: Sequence[memory_pb2.Memory]) -> set[int]:
    ids = (source.message_id for memory in memories for source in memory.sources)
    return {int(message_id.removeprefix("turn-")) for message_id in ids}


async def test_the_conversation_is_worth_comparing(short: Learned, long: Learned) -> None:
    for expected, turns in ((short, SHORT), (long, LONG)):
        assert len(expected.memories) > turns / 5
        # Facts that came again have several sources, "she" was found, dates were resolved.
        assert any(len(memory.sources) > 1 for memory in expected.memories)
        assert any(
            memory.text.endswith("teaches music to children.") for memory in expected.memories
        )
        assert any(memory.HasField("event_time") for memory in expected.memories)
        assert max(turn_numbers(expected.memories)) > turns - 5
        assert not any("Atlantis" in memory.text for memory in expected.memories)


async def test_cutting_the_conversation_differently_changes_nothing(
    store: Store, extractor: ServerProcess, short: Learned
) -> None:
    settings = {"MEMORY_DELTA_MESSAGES": "5"}
    memory = store.memory(extractor, settings=settings)
    async with serving(memory), caller_of(memory, SHORT) as caller:
        for number, batch in enumerate(cut(conversation(SHORT), 1, 2, 3, 5)):
            await caller.append(SESSION, batch)
            if number % 4 == 0:
                await caller.flush(SESSION)
        await caller.flush(SESSION)
        await assert_extracted_once(caller, store, SHORT, short)


async def test_extracting_in_the_background_gives_what_a_flush_gives(
    store: Store, extractor: ServerProcess, short: Learned
) -> None:
    memory = store.memory(extractor, settings={"MEMORY_DELTA_MESSAGES": "13"})
    async with serving(memory), caller_of(memory, SHORT) as caller:
        await append_all(caller, SHORT, 17)
        await reached(caller, SHORT)
        await assert_extracted_once(caller, store, SHORT, short)


async def test_an_extractor_killed_in_the_middle_loses_and_repeats_nothing(
    store: Store, long: Learned
) -> None:
    extractor = extractor_in(store.directory)
    memory = store.memory(extractor, settings=SMALL_DELTAS)
    async with serving(extractor), serving(memory), caller_of(memory, LONG) as caller:
        await append_all(caller, LONG, 50)
        await reached(caller, LONG // 4)
        await extractor.kill()
        assert await caller.extracted(SESSION) < LONG
        await again(extractor)
        await reached(caller, LONG)
        await assert_extracted_once(caller, store, LONG, long)


async def test_a_memory_service_killed_in_the_middle_of_a_flush_loses_and_repeats_nothing(
    store: Store, extractor: ServerProcess, short: Learned
) -> None:
    memory = store.memory(extractor, settings=SMALL_DELTAS)
    async with serving(memory), caller_of(memory, SHORT) as caller:
        await append_all(caller, SHORT, 50)
        flushing = asyncio.create_task(caller.flush(SESSION))
        await reached(caller, SHORT // 4)
        await memory.kill()
        code, _ = await refusal(flushing)
        assert code is grpc.StatusCode.UNAVAILABLE
        assert store.cursors[-1] < SHORT
        await again(memory)
        await reached(caller, SHORT)
        await assert_extracted_once(caller, store, SHORT, short)


async def test_a_flush_after_a_kill_finishes_what_the_killed_one_began(
    store: Store, extractor: ServerProcess, short: Learned
) -> None:
    settings = {**SMALL_DELTAS, "MEMORY_EXTRACTION": "false"}
    memory = store.memory(extractor, settings=settings)
    async with serving(memory), caller_of(memory, SHORT) as caller:
        await append_all(caller, SHORT, 50)
        flushing = asyncio.create_task(caller.flush(SESSION))
        await reached(caller, SHORT // 4)
        await memory.kill()
        await refusal(flushing)
        await again(memory)
        assert (await caller.flush(SESSION)).extracted_through == SHORT
        await assert_committed_once(store, SHORT)
        assert await learned(caller) == short


async def test_a_memory_service_that_sleeps_through_its_lease_commits_nothing_stale(
    store: Store, extractor: ServerProcess, short: Learned
) -> None:
    # The second takes its time, so that it is the first that is at work when it is paused.
    slow = {"MEMORY_QUIET_SECONDS": "3", "MEMORY_LONGEST_SECONDS": "3"}
    patient = {**SMALL_DELTAS, **slow, "MEMORY_CLAIM_IDLE_SECONDS": "3.5"}
    first = store.memory(extractor, name="first", settings=SMALL_DELTAS)
    second = store.memory(extractor, name="second", settings=patient)
    async with (
        serving(first),
        serving(second),
        caller_of(first, SHORT) as sleeper,
        caller_of(second, SHORT) as other,
    ):
        await append_all(sleeper, SHORT, 50)
        flushing = asyncio.create_task(sleeper.flush(SESSION))
        await reached(other, SHORT // 4)
        first.send(signal.SIGSTOP)
        try:
            assert await other.extracted(SESSION) < SHORT
            await reached(other, SHORT)
        finally:
            first.send(signal.SIGCONT)
        assert (await flushing).extracted_through == SHORT
        await assert_extracted_once(sleeper, store, SHORT, short)
