"""The Node client of examples/node against the real stack, and against servers that misbehave."""

from __future__ import annotations

import asyncio
import json
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest
from agentmemory.v1 import memory_service_pb2 as pb
from agentmemory.v1 import memory_service_pb2_grpc as pb_grpc
from grpc_status import rpc_status

from examples.stack import Addresses, Options, running
from service_kit.errors import ServiceError, to_status

NODE = Path(__file__).parents[2] / "examples/node"
pytestmark = pytest.mark.skipif(
    not (shutil.which("node") and shutil.which("npm")), reason="node and npm are not installed"
)


async def run(*command: str, cwd: Path = NODE) -> str:
    """Run a command, which must succeed; return what it prints."""
    process = await asyncio.create_subprocess_exec(
        *command, cwd=cwd, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    stdout, stderr = await process.communicate()
    assert process.returncode == 0, stdout.decode() + stderr.decode()
    assert stderr.decode() == ""
    return stdout.decode()


@pytest.fixture(scope="session")
async def installed() -> None:
    """Install what package-lock.json says, once for all runs of the tests."""
    lock, marker = NODE / "package-lock.json", NODE / "node_modules/.package-lock.json"
    if not marker.exists() or marker.stat().st_mtime < lock.stat().st_mtime:
        await run("npm", "ci", "--silent")


@pytest.fixture(scope="module")
async def memory() -> AsyncIterator[str]:
    """The address of a real stack."""
    with tempfile.TemporaryDirectory(prefix="am-node-") as name:
        folder = Path(name)
        addresses = Addresses(f"unix:{folder}/m.sock", f"unix:{folder}/e.sock", 0, 0)
        options = Options(
            addresses, folder / "redis", folder, None, extractor={"EXTRACTOR_MODEL": "hash"}
        )
        async with running(options) as stack:
            yield stack.addresses.memory


async def test_the_example_appends_extracts_finds_and_watches(memory: str, installed: None) -> None:
    shown = await run("node", "remember.js", memory, "alice")
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


async def test_what_is_unavailable_is_tried_again_as_the_same_request(installed: None) -> None:
    async def twice_unavailable(number: int, context: Any) -> None:
        if number <= 2:
            await context.abort(grpc.StatusCode.UNAVAILABLE, "not yet")

    async with misbehaving(twice_unavailable) as (servicer, address):
        assert (await created(address))["revision"] == "7"
    assert len(servicer.seen) == 3
    assert len({request.request_id for request in servicer.seen}) == 1
    assert servicer.seen[0].request_id


async def test_a_deadline_ends_a_call_that_nobody_answers(installed: None) -> None:
    async def never(number: int, context: Any) -> None:
        await asyncio.Event().wait()

    async with misbehaving(never) as (_, address):
        assert (await created(address, milliseconds=300))["code"] == "DEADLINE_EXCEEDED"


async def test_an_overloaded_service_says_when_to_come_back(installed: None) -> None:
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
