"""Calls that must fail: with which code, reason and fields."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import grpc
import pytest
from agentmemory.v1.memory_service_pb2_grpc import MemoryServiceStub
from google.protobuf.message import Message
from grpc import StatusCode
from redis.asyncio import Redis

from service_kit.errors import read_error
from tests.contract.seed import Seed
from tests.contract.snapshot import snapshot


@dataclass(frozen=True)
class Refusal:
    """What a caller is told."""

    code: StatusCode
    reason: str
    fields: tuple[str, ...] = ()


def invalid(*fields: str) -> Refusal:
    """Return the refusal of a request with these fields at fault."""
    return Refusal(StatusCode.INVALID_ARGUMENT, "INVALID_FIELD", fields)


INVALID_PAGE_TOKEN = Refusal(StatusCode.INVALID_ARGUMENT, "INVALID_PAGE_TOKEN")
SESSION_NOT_FOUND = Refusal(StatusCode.NOT_FOUND, "SESSION_NOT_FOUND")
MEMORY_NOT_FOUND = Refusal(StatusCode.NOT_FOUND, "MEMORY_NOT_FOUND")
MEMORY_EXISTS = Refusal(StatusCode.ALREADY_EXISTS, "MEMORY_EXISTS")
ETAG_MISMATCH = Refusal(StatusCode.ABORTED, "ETAG_MISMATCH")
REQUEST_ID_REUSED = Refusal(StatusCode.ALREADY_EXISTS, "REQUEST_ID_REUSED")
REVISION_NOT_REACHED = Refusal(StatusCode.FAILED_PRECONDITION, "REVISION_NOT_REACHED")
TOO_LARGE = Refusal(StatusCode.RESOURCE_EXHAUSTED, "")
"""By grpc itself, which knows no reasons."""


async def refusal_of(call: Awaitable[Any]) -> Refusal:
    """Return how the call was refused; it must be."""
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await call
    error = read_error(raised.value)
    return Refusal(error.code, error.reason, tuple(each.field for each in error.violations))


@dataclass(frozen=True)
class BadCall:
    """A call of MemoryService, and how it must be refused."""

    name: str
    request: Callable[[Seed], Message]
    refusal: Refusal

    def send(self, memory: MemoryServiceStub, seed: Seed) -> Awaitable[Any]:
        """Make the call; the request's type says which method it is for."""
        request = self.request(seed)
        method = getattr(memory, type(request).__name__.removesuffix("Request"))
        answer: Awaitable[Any] = method(request)
        return answer


def each_of(*calls: tuple[str, Callable[[Seed], Message], Refusal]) -> pytest.MarkDecorator:
    """Run a test, which takes a `bad_call`, with each of these."""
    return pytest.mark.parametrize(
        "bad_call", [pytest.param(BadCall(*call), id=call[0]) for call in calls]
    )


async def assert_refused_without_a_trace(
    bad_call: BadCall, memory: MemoryServiceStub, seed: Seed, database: Redis
) -> None:
    """The refusal is the expected one, and no key of the database is another than before."""
    before = await snapshot(database)
    assert await refusal_of(bad_call.send(memory, seed)) == bad_call.refusal
    assert await snapshot(database) == before
