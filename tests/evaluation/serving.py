"""The service that is evaluated: a stack of its own, with the bundled model and nothing in it."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import grpc.aio
from agentmemory.v1 import memory_pb2
from agentmemory.v1 import memory_service_pb2 as pb
from agentmemory.v1.memory_service_pb2_grpc import MemoryServiceStub

from examples.stack import Stack, in_directory, running

if TYPE_CHECKING:
    # The asynchronous stub is a type only; a MemoryServiceStub on an aio channel is one.
    from agentmemory.v1.memory_service_pb2_grpc import MemoryServiceAsyncStub as Stub

CALL_SECONDS = 60
_BATCH = 4
# A flush waits until the models have read the whole session.
_FLUSH_SECONDS = 600
# Only a flush extracts, so that the clock does not run for what has been done before.
_SETTINGS = {"MEMORY_EXTRACTION": "false"}


@asynccontextmanager
async def started() -> AsyncIterator[Stack]:
    """Start everything, and stop it afterwards.

    Raises ChildError, EmbeddedRedisError and StoreUnavailable, each with a clear line.
    """
    with tempfile.TemporaryDirectory(prefix="agent-memory-") as directory:
        async with running(replace(in_directory(Path(directory)), memory=_SETTINGS)) as stack:
            yield stack


@asynccontextmanager
async def served() -> AsyncIterator[Stub]:
    """Start everything, give a stub of MemoryService; all else as `started`."""
    async with (
        started() as stack,
        grpc.aio.insecure_channel(stack.addresses.memory) as channel,
    ):
        yield MemoryServiceStub(channel)


async def tell(stub: Stub, scope: memory_pb2.Scope, messages: Sequence[memory_pb2.Message]) -> None:
    """Append the messages of a session, a few at a time, and have them extracted."""
    for batch in _batches(messages):
        append = pb.AppendMessagesRequest(scope=scope, messages=batch)
        await stub.AppendMessages(append, timeout=CALL_SECONDS)
    await stub.FlushSession(pb.FlushSessionRequest(scope=scope), timeout=_FLUSH_SECONDS)


def _batches(messages: Sequence[memory_pb2.Message]) -> Iterator[Sequence[memory_pb2.Message]]:
    for start in range(0, len(messages), _BATCH):
        yield messages[start : start + _BATCH]
