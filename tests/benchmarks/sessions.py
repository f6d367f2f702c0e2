"""Appending to a session and reading its newest messages, however long it is."""

from __future__ import annotations

import itertools
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from agentmemory.v1 import memory_pb2, memory_service_pb2

from .load import CALL_SECONDS, Operation, Target
from .measure import BenchmarkError
from .operations import WRITERS, message_of, scope_of, stub_of

if TYPE_CHECKING:
    # The asynchronous stub is a type only; a MemoryServiceStub on an aio channel is one.
    from agentmemory.v1.memory_service_pb2_grpc import MemoryServiceAsyncStub as Stub

SHORT, LONG = 20, 20_000
NEWEST = 20
"""How many messages are read."""

_BATCH = 256


@asynccontextmanager
async def append_short(target: Target, _: float) -> AsyncIterator[Operation]:
    """AppendMessages, one message a call, to sessions that have SHORT messages and few more."""
    run = secrets.token_hex(4)
    async with stub_of(target) as stub:
        scopes = [scope_of(target.namespace, run, str(n)) for n in range(WRITERS)]
        for scope in scopes:
            await _fill(stub, scope, SHORT)
        yield _appending(stub, scopes)


@asynccontextmanager
async def append_long(target: Target, _: float) -> AsyncIterator[Operation]:
    """AppendMessages, one message a call, to a session of LONG messages and more."""
    async with stub_of(target) as stub:
        scope = scope_of(target.namespace, "long", "appended")
        await _fill(stub, scope, LONG)
        yield _appending(stub, [scope])


@asynccontextmanager
async def read_short(target: Target, _: float) -> AsyncIterator[Operation]:
    """GetWorkingMemory, the NEWEST messages of a session of SHORT."""
    async with stub_of(target) as stub:
        yield await _reading(stub, target.namespace, SHORT)


@asynccontextmanager
async def read_long(target: Target, _: float) -> AsyncIterator[Operation]:
    """GetWorkingMemory, the NEWEST messages of a session of LONG."""
    async with stub_of(target) as stub:
        yield await _reading(stub, target.namespace, LONG)


def _appending(stub: Stub, scopes: list[memory_pb2.Scope]) -> Operation:
    async def call(request: memory_service_pb2.AppendMessagesRequest) -> None:
        await stub.AppendMessages(request, timeout=CALL_SECONDS)

    requests = (
        memory_service_pb2.AppendMessagesRequest(scope=scope, messages=[message_of(n)])
        for n, scope in enumerate(itertools.cycle(scopes))
    )
    return Operation(requests, call)


async def _reading(stub: Stub, namespace: str, length: int) -> Operation:
    scope = scope_of(namespace, "read", str(length))
    await _fill(stub, scope, length)
    request = memory_service_pb2.GetWorkingMemoryRequest(scope=scope, recent_messages=NEWEST)

    async def call(request: memory_service_pb2.GetWorkingMemoryRequest) -> None:
        response = await stub.GetWorkingMemory(request, timeout=CALL_SECONDS)
        if len(response.messages) != NEWEST or response.session.message_count != length:
            raise BenchmarkError("a session was not read in full")

    return Operation(itertools.repeat(request), call)


async def _fill(stub: Stub, scope: memory_pb2.Scope, length: int) -> None:
    """Append as many messages as the session lacks."""
    read = memory_service_pb2.GetWorkingMemoryRequest(
        scope=scope, recent_messages=0, create_if_missing=True
    )
    session = (await stub.GetWorkingMemory(read, timeout=CALL_SECONDS)).session
    for first in range(session.message_count, length, _BATCH):
        messages = [message_of(n) for n in range(first, min(first + _BATCH, length))]
        request = memory_service_pb2.AppendMessagesRequest(scope=scope, messages=messages)
        await stub.AppendMessages(request, timeout=CALL_SECONDS)
