"""Redis is there and does not do what it should: what callers are told, and how it heals."""

from __future__ import annotations

import asyncio
import os
import signal
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc
import pytest
from agentmemory.v1 import memory_service_pb2
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from memory_service.embedded import EmbeddedRedis
from memory_service.store.connection import command, connect
from memory_service.store.keys import INDEX_ALIAS
from memory_service.store.queue import STREAMS
from service_kit.children import ServerProcess
from service_kit.errors import read_error
from tests.contract.snapshot import snapshot
from tests.support.client import KEYWORD, Caller, Stub, connected, health, refusal
from tests.support.redis import leaks
from tests.support.stack import memory_in, serving
from tests.support.waiting import wait_until

AWAY = (grpc.StatusCode.UNAVAILABLE, "STORE_UNAVAILABLE")
SERVICE = "agentmemory.v1.MemoryService"
PATIENCE = 30.0
CELLO = "Alice plays the cello."


@dataclass(frozen=True)
class Troubled:
    """A MemoryService, and its Redis, which a test may trouble and must leave well."""

    embedded: EmbeddedRedis
    redis: Redis
    memory: ServerProcess
    stub: Stub

    async def says(self, service: str) -> str:
        """What health says of a service."""
        return await health(self.memory.address, service)

    async def will_say(self, service: str, expected: str) -> None:
        async def says_so() -> bool:
            return await self.says(service) == expected

        await wait_until(says_so, f"{service} is {expected}", seconds=PATIENCE)


@pytest.fixture(scope="module")
async def troubled(extractor: ServerProcess) -> AsyncIterator[Troubled]:
    with tempfile.TemporaryDirectory(prefix="am-e2e-") as name:
        here = Path(name)
        async with EmbeddedRedis(here / "redis") as embedded:
            redis = connect(embedded.url, max_connections=2)
            memory = memory_in(here, redis_url=embedded.url, extractor=extractor.address)
            async with serving(memory), connected(memory.address) as stub:
                yield Troubled(embedded, redis, memory, stub)
            assert await leaks(redis) == []
            await redis.aclose()


@pytest.fixture
async def caller(troubled: Troubled, request: pytest.FixtureRequest) -> Caller:
    """A user who has a session and a memory, and for whom nothing is left to do."""
    caller = Caller(troubled.stub, user=request.node.name)
    await caller.say("chat", "I live in Oslo.")
    await caller.flush("chat")
    await caller.create(CELLO)

    async def idle() -> bool:
        return not any([await troubled.redis.xlen(stream) for stream in STREAMS])

    await wait_until(idle, "all notices are dealt with", seconds=PATIENCE)
    return caller


@asynccontextmanager
async def out_of_memory(redis: Redis) -> AsyncIterator[None]:
    await redis.config_set("maxmemory", "1mb")
    try:
        yield
    finally:
        await redis.config_set("maxmemory", "0")


@asynccontextmanager
async def read_only(redis: Redis) -> AsyncIterator[None]:
    """As the old master is after a failover."""
    await redis.replicaof("127.0.0.1", "1")
    try:
        yield
    finally:
        await redis.replicaof("NO", "ONE")


@asynccontextmanager
async def without_replicas(redis: Redis) -> AsyncIterator[None]:
    await redis.config_set("min-replicas-to-write", "1")
    try:
        yield
    finally:
        await redis.config_set("min-replicas-to-write", "0")


@pytest.mark.parametrize("trouble", [out_of_memory, read_only, without_replicas])
async def test_writes_are_refused_whole_reads_go_on_and_all_heals_by_itself(
    troubled: Troubled, caller: Caller, trouble: type
) -> None:
    before = await snapshot(troubled.redis)
    async with trouble(troubled.redis):
        assert await refusal(caller.say("chat", "I have a dog.")) == AWAY
        assert await refusal(caller.say("new", "I have a dog.")) == AWAY
        assert await refusal(caller.create("Alice has a dog.")) == AWAY
        assert await snapshot(troubled.redis) == before, "something was half written"
        assert len((await caller.working_memory("chat")).messages) == 1
        assert await caller.found("cello", mode=KEYWORD) == [CELLO]
        await troubled.will_say(f"{SERVICE}.writes", "NOT_SERVING")
        assert await troubled.says(SERVICE) == "SERVING"
    await caller.say("chat", "I have a dog.")
    await troubled.will_say(f"{SERVICE}.writes", "SERVING")

    async def extracted() -> bool:
        return "Alice has a dog." in await caller.texts()

    await wait_until(extracted, "what was said afterwards is extracted", seconds=PATIENCE)


async def test_what_makes_room_needs_none(troubled: Troubled, caller: Caller) -> None:
    async with out_of_memory(troubled.redis):
        assert (await caller.delete_session("chat")).deleted_messages == 1
        request = memory_service_pb2.EraseUserRequest(scope=caller.scope())
        assert (await caller.stub.EraseUser(request, timeout=30)).memories >= 2
    assert await caller.memories() == []


async def test_a_lost_index_is_made_again_and_nothing_is_answered_in_part(
    troubled: Troubled, caller: Caller
) -> None:
    info = await command(troubled.redis, "FT.INFO", INDEX_ALIAS)
    name = info[b"index_name"].decode()
    memories = await caller.memories()
    await command(troubled.redis, "FT.DROPINDEX", name)
    # Until it is there again every search is refused, or has found everything.
    refused = 0
    async with asyncio.timeout(PATIENCE):
        while (found := await found_or_refused(caller)) is None:
            refused += 1
            await caller.say("chat", f"I own book {refused}.")
    assert found == [CELLO]
    assert refused
    assert [memory for memory in await caller.memories() if memory in memories] == memories
    await troubled.will_say(f"{SERVICE}.search", "SERVING")

    async def alias_leads_to_it() -> bool:
        try:
            info = await command(troubled.redis, "FT.INFO", INDEX_ALIAS)
        except ResponseError:
            return False
        return bool(info[b"index_name"].decode() == name)

    await wait_until(alias_leads_to_it, "the alias leads to it")


async def found_or_refused(caller: Caller) -> list[str] | None:
    try:
        return await caller.found("cello", mode=KEYWORD)
    except grpc.aio.AioRpcError as error:
        failure = read_error(error)
        assert (failure.code, failure.reason) == AWAY
        return None


async def test_an_emptied_database_is_a_new_one(troubled: Troubled, caller: Caller) -> None:
    await troubled.redis.flushall()

    async def works() -> bool:
        try:
            await caller.say("chat", "I live in Bergen.")
            return "Alice lives in Bergen." in await caller.texts()
        except grpc.aio.AioRpcError:
            return False

    await wait_until(works, "what is said is extracted", seconds=PATIENCE)
    assert CELLO not in await caller.texts()


async def test_a_redis_that_does_not_answer_costs_callers_their_deadline_and_no_more(
    troubled: Troubled, caller: Caller
) -> None:
    assert troubled.embedded.pid is not None
    os.kill(troubled.embedded.pid, signal.SIGSTOP)
    try:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await caller.memories()
        await troubled.will_say(SERVICE, "NOT_SERVING")
    finally:
        os.kill(troubled.embedded.pid, signal.SIGCONT)
    await troubled.will_say(SERVICE, "SERVING")
    assert CELLO in await caller.texts()


async def test_keys_of_others_in_the_same_database_are_left_alone(
    troubled: Troubled, caller: Caller
) -> None:
    theirs = {f"session:{number}": f"{number}" for number in range(20_000)}
    await troubled.redis.mset(theirs)
    await troubled.redis.hset("user:1", mapping={"owner": "x", "vector": b"1234", "body": "{}"})
    try:
        assert await caller.found("cello", mode=KEYWORD) == [CELLO]
        await caller.say("chat", "I have a dog.")
        await caller.flush("chat")
        assert "Alice has a dog." in await caller.texts()
    finally:
        kept = await troubled.redis.mget([*theirs])
        await troubled.redis.unlink(*theirs, "user:1")
    assert [value.decode() for value in kept] == [*theirs.values()]
