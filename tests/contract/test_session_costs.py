"""A session of 20,000 messages costs what one of 20 costs: counted, not timed."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from agentmemory.v1 import memory_pb2
from agentmemory.v1 import memory_service_pb2 as pb
from agentmemory.v1.memory_service_pb2_grpc import MemoryServiceStub
from redis.asyncio import Redis

from tests.contract.seed import said, session_of

SHORT, LONG = 20, 20_000
READ = 20
TIMES = 3
"""How often a call is counted: what services do now and then by themselves only ever adds."""
OURS = {
    *("config|resetstat", "config|set", "slowlog|reset", "slowlog|get", "info"),
    *("ping", "hello", "client|setinfo"),
}
"""What the count itself sends, and what connections do."""


async def append(memory: MemoryServiceStub, scope: memory_pb2.Scope, count: int) -> None:
    for start in range(0, count, 256):
        messages = [said("Hello.", id=f"m{start + i}") for i in range(min(256, count - start))]
        await memory.AppendMessages(pb.AppendMessagesRequest(scope=scope, messages=messages))


@asynccontextmanager
async def every_command_noted(database: Redis) -> AsyncIterator[None]:
    before = await database.config_get("slowlog-*")
    await database.config_set("slowlog-log-slower-than", 0)
    try:
        yield
    finally:
        for name, value in before.items():
            await database.config_set(name, value)


async def cost(database: Redis, call: Callable[[], Awaitable[Any]]) -> tuple[Any, Any]:
    """How often each command is run for a call, those inside scripts too; and what reads ask for.

    The answer's own size is looked at where it is given.
    """
    counted = [await counted_once(database, call) for _ in range(TIMES)]
    return min(counted, key=lambda each: sum(each[0].values()))


async def counted_once(database: Redis, call: Callable[[], Awaitable[Any]]) -> tuple[Any, Any]:
    """The same of one call, and of what else is done meanwhile."""
    async with every_command_noted(database):
        await database.config_resetstat()
        await database.slowlog_reset()
        await call()
        noted = await database.slowlog_get(128)
        stats = await database.info("commandstats")
    counts = {name.removeprefix("cmdstat_"): each["calls"] for name, each in stats.items()}
    reads = [entry["command"].split() for entry in noted if b"RANGE" in entry["command"].upper()]
    asked = sorted((words[0].upper(), *words[2:]) for words in reads)
    return {name: count for name, count in counts.items() if name not in OURS}, asked


@pytest.fixture
async def scopes(
    memory: MemoryServiceStub, new_scope: Callable[[], memory_pb2.Scope]
) -> list[memory_pb2.Scope]:
    found = []
    for count in (SHORT, LONG):
        scope = session_of(new_scope(), "s1")
        await append(memory, scope, count)
        found.append(scope)
    return found


async def test_appending_and_reading_cost_the_same_in_a_long_session(
    memory: MemoryServiceStub, scopes: list[memory_pb2.Scope], database: Redis
) -> None:
    new = itertools.count(1)

    async def added(scope: memory_pb2.Scope) -> None:
        messages = [said(id=f"x{next(new)}"), said()]
        request = pb.AppendMessagesRequest(
            scope=scope, messages=messages, memories=[memory_pb2.Memory(text="y")]
        )
        await memory.AppendMessages(request)

    async def read(scope: memory_pb2.Scope) -> None:
        request = pb.GetWorkingMemoryRequest(scope=scope, recent_messages=READ)
        assert len((await memory.GetWorkingMemory(request)).messages) == READ

    async def read_back(scope: memory_pb2.Scope) -> None:
        request = pb.GetWorkingMemoryRequest(
            scope=scope, recent_messages=READ, before_sequence=SHORT + 1
        )
        assert len((await memory.GetWorkingMemory(request)).messages) == READ

    for call in (added, read, read_back):
        short, long = [await cost(database, lambda s=scope, c=call: c(s)) for scope in scopes]
        assert short == long
        counts, asked = long
        assert counts
        if call is read:
            assert counts["xrevrange"] == 1
            assert [words for words in asked if words[0] == b"XREVRANGE"] == [
                (b"XREVRANGE", b"+", b"-", b"COUNT", b"%d" % READ)
            ]
        elif call is read_back:
            assert [words for words in asked if words[0] == b"XREVRANGE"] == [
                (b"XREVRANGE", b"%d-0" % SHORT, b"-", b"COUNT", b"%d" % READ)
            ]
        else:
            assert counts["xadd"] == 4  # two messages, a memory, the notice
            assert "xrange" not in counts
