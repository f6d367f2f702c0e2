"""Redis stops and starts again on the same data: refusals meanwhile, all as before after."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import grpc
import pytest

from memory_service.embedded import EmbeddedRedis
from service_kit.children import ServerProcess
from tests.support.client import KEYWORD, SEMANTIC, Caller, connected, health, refusal
from tests.support.stack import memory_in, serving
from tests.support.waiting import wait_until

AWAY = (grpc.StatusCode.UNAVAILABLE, "STORE_UNAVAILABLE")
SERVICE = "agentmemory.v1.MemoryService"
PATIENCE = 20.0


@dataclass(frozen=True)
class OnOwnRedis:
    """A MemoryService, its Redis, and a caller."""

    redis: EmbeddedRedis
    memory: ServerProcess
    caller: Caller

    async def health_is(self, expected: str) -> None:
        async def says_so() -> bool:
            both = {await health(self.memory.address), await health(self.memory.address, SERVICE)}
            return both == {expected}

        await wait_until(says_so, f"health is {expected}", seconds=PATIENCE)


@pytest.fixture
async def stack(directory: Path, extractor: ServerProcess) -> AsyncIterator[OnOwnRedis]:
    async with EmbeddedRedis(directory / "redis", appendfsync="always") as redis:
        memory = memory_in(directory, redis_url=redis.url, extractor=extractor.address)
        async with serving(memory), connected(memory.address) as stub:
            yield OnOwnRedis(redis, memory, Caller(stub, user="alice"))


async def test_calls_are_refused_while_redis_is_away_and_all_is_found_when_it_is_back(
    stack: OnOwnRedis,
) -> None:
    caller = stack.caller
    await caller.create("Alice plays the cello.", request_id="r1")
    await caller.say("chat", "I live in Oslo.")
    await caller.flush("chat")
    memories = await caller.memories()
    conversation = await caller.working_memory("chat")

    await stack.redis.stop()
    assert await refusal(caller.say("chat", "I have a dog.")) == AWAY
    assert await refusal(caller.working_memory("chat")) == AWAY
    assert await refusal(caller.create("Alice has a dog.")) == AWAY
    assert await refusal(caller.memories()) == AWAY
    assert await refusal(caller.search("cello", mode=KEYWORD)) == AWAY
    assert await refusal(caller.flush("chat")) == AWAY
    await stack.health_is("NOT_SERVING")
    assert await health(stack.memory.address, "liveness") == "SERVING"

    await stack.redis.start()
    await stack.health_is("SERVING")
    assert await caller.memories() == memories
    assert await caller.working_memory("chat") == conversation
    assert await caller.found("cello", mode=KEYWORD) == ["Alice plays the cello."]
    best, *_ = await caller.found("plays the cello", mode=SEMANTIC)
    assert best == "Alice plays the cello."
    repeated = await caller.create("Alice plays the cello.", request_id="r1")
    assert repeated.results[0].memory.id in {memory.id for memory in memories}
    assert await caller.memories() == memories


async def test_extraction_in_the_background_goes_on_when_redis_is_back(
    stack: OnOwnRedis,
) -> None:
    await stack.caller.say("before", "I live in Oslo.")
    await stack.redis.stop()
    await stack.redis.start()
    await stack.caller.say("after", "I have a dog.")

    async def both() -> bool:
        return await stack.caller.texts() == {"Alice lives in Oslo.", "Alice has a dog."}

    await wait_until(both, "both sessions are extracted", seconds=PATIENCE)
