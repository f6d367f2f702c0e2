"""Exports and imports as a client makes them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from agentmemory.v1 import memory_pb2
from agentmemory.v1 import memory_service_pb2 as pb
from agentmemory.v1.memory_service_pb2_grpc import MemoryServiceStub

Records = list[pb.ExportRecord]


async def export(
    memory: MemoryServiceStub, scope: memory_pb2.Scope, cursor: str = ""
) -> list[pb.ExportMemoriesResponse]:
    """Return the responses of an export, which must be complete."""
    request = pb.ExportMemoriesRequest(scope=scope, cursor=cursor)
    async with asyncio.timeout(60):
        responses = [response async for response in memory.ExportMemories(request)]
    assert all(response.cursor for response in responses[:-1])
    assert responses[-1].cursor == ""
    return responses


async def records_of(memory: MemoryServiceStub, scope: memory_pb2.Scope) -> Records:
    responses = await export(memory, scope)
    return [record for response in responses for record in response.records]


@asynccontextmanager
async def importing(memory: MemoryServiceStub) -> AsyncIterator[Any]:
    """An import stream; it is ended, and its end awaited, unless the block fails."""
    call: Any = memory.ImportMemories()
    try:
        async with asyncio.timeout(60):
            yield call
    finally:
        call.cancel()


async def send(call: Any, scope: memory_pb2.Scope | None, records: Sequence[Any]) -> Any:
    """Send a request and return its answer."""
    await call.write(pb.ImportMemoriesRequest(scope=scope, records=records))
    return await call.read()


async def import_all(
    memory: MemoryServiceStub, scope: memory_pb2.Scope, records: Records, size: int = 1000
) -> pb.ImportMemoriesResponse:
    """Import all records, so many in a request; return the last answer."""
    last = pb.ImportMemoriesResponse()
    async with importing(memory) as call:
        for start in range(0, len(records), size):
            last = await send(call, scope, records[start : start + size])
        await call.done_writing()
        assert not await call.read()
        assert (await call.code()).value[0] == 0
    return last


def counts(answer: pb.ImportMemoriesResponse) -> tuple[int, int, int]:
    return answer.imported_count, answer.duplicate_count, answer.conflict_count


def comparable(records: Records) -> Records:
    """Leave out what is new in an import: revisions, etags, generations, and whose it is."""
    found = []
    for record in records:
        copy = pb.ExportRecord()
        copy.CopyFrom(record)
        match copy.WhichOneof("record"):
            case "memory":
                clear(copy.memory, "revision", "etag", "scope", "shared")
            case "revision":
                clear(copy.revision.memory, "revision", "etag", "scope", "shared")
            case "pending_memory":
                clear(copy.pending_memory, "scope", "shared")
            case "session":
                clear(copy.session.session, "generation", "etag")
                clear(copy.session.session.scope, "namespace", "user_id")
        found.append(copy)
    return found


def clear(message: Any, *names: str) -> None:
    for name in names:
        message.ClearField(name)
