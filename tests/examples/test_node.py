"""The Node client of examples/node against the real stack, and against servers that misbehave."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import grpc
import grpc.aio
import pytest
from agentmemory.v1 import memory_service_pb2 as pb
from agentmemory.v1 import memory_service_pb2_grpc as pb_grpc
from grpc_status import rpc_status

from service_kit.errors import ServiceError, to_status
from tests.support.node import NODE, needs_node, run

pytestmark = [needs_node, pytest.mark.usefixtures("node_packages")]


def test_versions_are_exact_and_no_registry_is_named() -> None:
    package = json.loads((NODE / "package.json").read_text())
    versions = [*package["dependencies"].values(), *package["devDependencies"].values()]
    assert all(re.fullmatch(r"[0-9.]+", version) for version in versions)
    assert '"resolved"' not in (NODE / "package-lock.json").read_text()


async def test_the_example_appends_extracts_finds_and_watches(memory_address: str) -> None:
    shown = await run("node", "remember.js", memory_address, "node")
    appended, found, watched, refused = shown.splitlines()
    assert appended == "appended 2 messages"
    assert found == "found: Alice is allergic to nuts."
    assert "Lisbon" in watched
    problem = json.loads(refused.removeprefix("refused: "))
    assert (problem["code"], problem["reason"]) == ("INVALID_ARGUMENT", "INVALID_FIELD")
    assert problem["fields"].keys() == {"limit"}


Answer = Callable[[int, grpc.aio.ServicerContext[Any, Any]], Awaitable[None]]


class Misbehaving(pb_grpc.MemoryServiceServicer):
    """Does as it is told at each call, whose number it passes on, and keeps the requests."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self.seen: list[Any] = []

    async def CreateMemories(self, request: Any, context: Any) -> pb.CreateMemoriesResponse:  # noqa: N802
        self.seen.append(request)
        await self._answer(len(self.seen), context)
        return pb.CreateMemoriesResponse(revision=7)


@asynccontextmanager
async def misbehaving(answer: Answer) -> AsyncIterator[tuple[Misbehaving, str]]:
    servicer, server = Misbehaving(answer), grpc.aio.server()
    pb_grpc.add_MemoryServiceServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield servicer, f"127.0.0.1:{port}"
    finally:
        await server.stop(None)


async def created(address: str, milliseconds: int = 5_000) -> Any:
    """What a Node program sees that creates a memory: an answer, or what the error says."""
    program = f"""
        import {{call, connect, problem}} from './client.js';
        const memory = connect('{address}');
        const request = {{scope: {{userId: 'alice'}}, memories: [{{text: 'Alice skis.'}}]}};
        const answer = await call(memory, 'CreateMemories', request, {milliseconds}).catch(problem);
        console.log(JSON.stringify(answer));
        memory.close();
    """
    return json.loads(await run("node", "--input-type=module", "--eval", program))


async def test_what_is_unavailable_is_tried_again_as_the_same_request() -> None:
    async def twice_unavailable(number: int, context: Any) -> None:
        if number <= 2:
            await context.abort(grpc.StatusCode.UNAVAILABLE, "not yet")

    async with misbehaving(twice_unavailable) as (servicer, address):
        assert (await created(address))["revision"] == "7"
    assert len(servicer.seen) == 3
    assert len({request.request_id for request in servicer.seen}) == 1
    assert servicer.seen[0].request_id


async def test_a_deadline_ends_a_call_that_nobody_answers() -> None:
    async def never(number: int, context: Any) -> None:
        await asyncio.Event().wait()

    async with misbehaving(never) as (_, address):
        assert (await created(address, milliseconds=300))["code"] == "DEADLINE_EXCEEDED"


async def test_an_overloaded_service_says_when_to_come_back() -> None:
    async def overloaded(number: int, context: Any) -> None:
        error = ServiceError(
            grpc.StatusCode.RESOURCE_EXHAUSTED,
            "OVERLOADED",
            "too much waits",
            retry_after=timedelta(seconds=1.5),
        )
        await context.abort_with_status(rpc_status.to_status(to_status(error)))

    async with misbehaving(overloaded) as (servicer, address):
        problem = await created(address)
    assert (problem["code"], problem["reason"]) == ("RESOURCE_EXHAUSTED", "OVERLOADED")
    assert problem["retrySeconds"] == 1.5
    assert len(servicer.seen) == 1
