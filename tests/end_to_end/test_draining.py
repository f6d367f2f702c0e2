"""SIGTERM: what was begun is finished, and nothing is left behind."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import psutil
from agentmemory.v1 import memory_service_pb2

from service_kit.children import ServerProcess
from tests.support.client import Caller, connected, refusal
from tests.support.conversations import conversation, cut
from tests.support.stack import SMALL_DELTAS, memory_in, serving
from tests.support.waiting import wait_until

TURNS = 60


async def test_a_flush_in_flight_is_finished_and_no_process_is_left(
    directory: Path, extractor: ServerProcess
) -> None:
    # Without a Redis to use it runs one of its own, which must outlive the flush and no more.
    settings = {**SMALL_DELTAS, "MEMORY_EXTRACTION": "false"}
    memory = memory_in(directory, redis_url="", extractor=extractor.address, settings=settings)
    async with serving(memory), connected(memory.address) as stub:
        caller = Caller(stub, user="alice")
        for batch in cut(conversation(TURNS), 30):
            await caller.append("chat", batch)
        flushing = asyncio.create_task(caller.flush("chat"))

        async def begun() -> bool:
            return await caller.extracted("chat") >= TURNS // 10

        await wait_until(begun, "the flush has begun", seconds=20)
        process = psutil.Process(memory.pid)
        family = [process, *process.children(recursive=True)]
        assert [child.name() for child in family[1:]] == ["redis-server"]
        assert not flushing.done()
        await memory.stop()
        assert (await flushing).extracted_through == TURNS
        assert not any(member.is_running() for member in family)
        assert (await refusal(caller.sessions()))[0] is grpc.StatusCode.UNAVAILABLE


async def test_a_watch_ends_in_good_order_when_the_server_stops(
    directory: Path, extractor: ServerProcess
) -> None:
    memory = memory_in(directory, redis_url="", extractor=extractor.address)
    async with serving(memory), connected(memory.address) as stub:
        caller = Caller(stub, user="alice")
        await caller.create("Alice keeps bees.")
        request = memory_service_pb2.WatchMemoriesRequest(scope=caller.scope(), after_revision=0)
        watch: Any = stub.WatchMemories(request)
        assert [(await watch.read()).revision for _ in range(2)] == [0, 1]
        await memory.stop()
        last = await watch.read()
        assert (last.revision, last.HasField("change")) == (1, False)
        assert await watch.read() is grpc.aio.EOF
        assert await watch.code() is grpc.StatusCode.OK


async def test_what_was_learned_is_there_after_a_restart_with_a_redis_of_its_own(
    directory: Path, extractor: ServerProcess
) -> None:
    memory = memory_in(directory, redis_url="", extractor=extractor.address)
    async with serving(memory), connected(memory.address) as stub:
        caller = Caller(stub, user="alice")
        await caller.say("chat", "I live in Oslo.")
        await caller.flush("chat")
        memories = await caller.memories()
    assert [memory.text for memory in memories] == ["Alice lives in Oslo."]
    async with serving(memory), connected(memory.address) as stub:
        assert await Caller(stub, user="alice").memories() == memories
