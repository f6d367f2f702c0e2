"""Anything that can be sent is answered in order: never INTERNAL, never UNKNOWN, never a crash."""

from __future__ import annotations

from collections.abc import AsyncIterator
from random import Random
from typing import Any

import grpc.aio
import pytest
from agentmemory.v1 import memory_pb2
from agentmemory.v1 import memory_service_pb2 as pb
from google.protobuf.descriptor import MethodDescriptor
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from examples.stack import Stack
from tests.contract.fuzz.calls import (
    EXAMPLES,
    EXTRACTOR,
    MEMORY,
    SEED,
    good,
    made,
    raw_stub,
    send,
)
from tests.contract.snapshot import snapshot

chances = st.randoms(use_true_random=False)
fuzzed = settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="session")
async def known(memory: Any) -> tuple[str, ...]:
    """Ids, etags and tokens of what is there: a session, memories, a deleted one."""
    for name in ("AppendMessages", "FlushSession", "CreateMemories"):
        method = next(each for each in MEMORY if each.name == name)
        await getattr(memory, name)(good(method))
    scope = memory_pb2.Scope(namespace="fuzz", user_id="alice")
    listed = await memory.ListMemories(pb.ListMemoriesRequest(scope=scope, page_size=1))
    (first,) = listed.memories
    session = memory_pb2.Scope(namespace="fuzz", user_id="alice", session_id="s1")
    chat = await memory.GetWorkingMemory(pb.GetWorkingMemoryRequest(scope=session))
    return first.id, first.etag, listed.next_page_token, chat.session.etag


@pytest.fixture(scope="session", autouse=True)
async def still_serving(stack: Stack) -> AsyncIterator[None]:
    pids = stack.memory.pid, stack.extractor.pid
    yield
    assert (stack.memory.pid, stack.extractor.pid) == pids
    assert not stack.memory.has_ended
    assert not stack.extractor.has_ended


async def assert_in_order(
    stub: Any, method: MethodDescriptor, request: Any, database: Redis
) -> None:
    before = await snapshot(database)
    if await send(stub, method, request) != "OK":
        assert await snapshot(database) == before, "a refused request left something behind"


@pytest.mark.parametrize("method", MEMORY, ids=lambda each: each.name)
@seed(SEED)
@fuzzed
@given(chance=chances)
async def test_any_message_to_the_memory_service(
    method: MethodDescriptor,
    chance: Random,
    memory: Any,
    database: Redis,
    known: tuple[str, ...],
) -> None:
    await assert_in_order(memory, method, made(method, chance, known), database)


@pytest.mark.parametrize("method", EXTRACTOR, ids=lambda each: each.name)
@seed(SEED)
@fuzzed
@given(chance=chances)
async def test_any_message_to_the_extractor(
    method: MethodDescriptor, chance: Random, extractor: Any
) -> None:
    await send(extractor, method, made(method, chance))


def cut_or_flipped(chance: Random, data: bytes) -> bytes:
    """A good message's bytes with some lacking, some other, or some of anything behind them."""
    spoiled = bytearray(data)
    for _ in range(chance.randint(0, 3)):
        if spoiled:
            spoiled[chance.randrange(len(spoiled))] = chance.randint(0, 255)
    if chance.random() < 0.4:
        del spoiled[chance.randint(0, len(spoiled)) :]
    if chance.random() < 0.4:
        spoiled += bytes(chance.randint(0, 255) for _ in range(chance.randint(1, 20)))
    return bytes(spoiled)


@pytest.mark.parametrize("method", [*MEMORY, *EXTRACTOR], ids=lambda each: each.name)
@seed(SEED)
@settings(fuzzed, max_examples=max(2, EXAMPLES // 4))
@given(chance=chances)
async def test_any_bytes(
    method: MethodDescriptor, chance: Random, stack: Stack, database: Redis
) -> None:
    data = cut_or_flipped(chance, good(method).SerializeToString())
    ours = method in MEMORY
    address = stack.addresses.memory if ours else stack.addresses.extractor
    async with grpc.aio.insecure_channel(address) as channel:
        stub = raw_stub(channel, [method])
        if ours:
            await assert_in_order(stub, method, data, database)
        else:
            await send(stub, method, data)
