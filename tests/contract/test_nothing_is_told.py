"""Nothing that users or callers wrote is in logs, metrics and errors, whatever goes wrong."""

from __future__ import annotations

import asyncio
import re
import tempfile
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any
from urllib.request import urlopen

import grpc.aio
import pytest
from agentmemory.v1 import memory_service_pb2 as pb
from agentmemory.v1.extractor_service_pb2_grpc import ExtractorServiceStub
from agentmemory.v1.memory_service_pb2_grpc import MemoryServiceStub
from google.protobuf.message import Message

from examples.stack import Stack, running
from memory_service.domain.owner import Owner, OwnerKind
from memory_service.embedded import EmbeddedRedis
from memory_service.store.connection import connect
from memory_service.store.keys import OwnerKeys
from tests.contract.conftest import free_ports, options
from tests.contract.fuzz.calls import EXTRACTOR, MEMORY, good
from tests.contract.fuzz.messages import Maker
from tests.support.marking import Marks, told_by

SPOILED = 4
"""Bad requests to each method."""

MARKS = Marks("zq7alpha")
TOKEN = ("authorization", f"Bearer {MARKS.text}token")
TEXTS = (
    *(MARKS.text, f"{MARKS.text}\x00", f" {MARKS.text}", MARKS.text * 1000, f"{MARKS.text}\n"),
    *(f"hello) | @owner:{{{MARKS.text}}}", f"I am {MARKS.text}.", f"{MARKS.text}@example.com"),
)


@dataclass
class Run:
    """Everything that was said where it should not be found."""

    stack: Stack
    redis: EmbeddedRedis
    logs: dict[str, Path]
    errors: list[bytes]

    metrics: list[str]

    async def measure(self) -> None:
        """Note what the services that run show of themselves."""
        for port in (self.stack.addresses.memory_metrics, self.stack.addresses.extractor_metrics):
            with suppress(OSError):
                self.metrics.append(await asyncio.to_thread(_read, port))


def _read(port: int) -> str:
    with urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
        return str(answer.read().decode())


@pytest.fixture(scope="module")
async def played() -> AsyncIterator[Run]:
    """Both services after a day with marked data: all went well, then all went wrong."""
    with tempfile.TemporaryDirectory(prefix="am-test-") as name:
        async with EmbeddedRedis(Path(name) / "redis") as redis:
            given = replace(
                options(Path(name)),
                redis_url=redis.url,
                memory={"MEMORY_LOG_LEVEL": "DEBUG", "MEMORY_QUIET_SECONDS": "0.1"},
                extractor={"EXTRACTOR_MODEL": "hash", "EXTRACTOR_LOG_LEVEL": "DEBUG"},
            )
            (port,) = free_ports(1)
            given = replace(given, addresses=replace(given.addresses, extractor_metrics=port))
            async with running(given) as stack:
                logs = {part: Path(name) / f"{part}.log" for part in ("memory", "extractor")}
                run = Run(stack, redis, logs, [], [])
                await play(run)
                yield run


async def play(run: Run) -> None:
    addresses = run.stack.addresses
    async with (
        grpc.aio.insecure_channel(addresses.memory) as channel,
        grpc.aio.insecure_channel(addresses.extractor) as other,
    ):
        memory, extractor = MemoryServiceStub(channel), ExtractorServiceStub(other)
        ids = await MARKS.live(memory)
        await everything(run, memory, extractor, seed=1)
        await with_a_spoiled_memory(run, memory, ids[0])
        await run.measure()
        await run.stack.extractor.kill()
        await everything(run, memory, extractor, seed=2)
        await run.redis.stop()
        await everything(run, memory, extractor, seed=3)
        await run.measure()


async def everything(run: Run, memory: Any, extractor: Any, *, seed: int) -> None:
    """Call every method, well and badly, with marks in every string."""
    chance = Random(seed)
    for stub, methods in ((memory, MEMORY), (extractor, EXTRACTOR)):
        for method in methods:
            for number in range(SPOILED):
                request = good(method)
                if number:
                    Maker(chance, TEXTS).spoil(request)
                await attempt(run, stub, method, request)


async def attempt(run: Run, stub: Any, method: Any, request: Message) -> None:
    call = getattr(stub, method.name)
    given = iter([request]) if method.client_streaming else request
    answer = call(given, timeout=3, metadata=[TOKEN])
    try:
        if method.server_streaming:
            await answer.read()
            answer.cancel()
        else:
            await answer
    except grpc.aio.AioRpcError as error:
        run.errors.append(told_by(error))


async def with_a_spoiled_memory(run: Run, memory: Any, memory_id: str) -> None:
    """Read what no reader can make sense of: a defect, which is logged with its traceback."""
    scope = MARKS.scope
    keys = OwnerKeys(Owner("default", scope.namespace, OwnerKind.USER, scope.user_id))
    redis = connect(run.stack.redis_url, max_connections=1)
    await redis.hset(keys.memory(memory_id), "body", MARKS.say("garbage"))
    await redis.aclose()
    with suppress(grpc.aio.AioRpcError):
        await memory.GetMemory(pb.GetMemoryRequest(scope=scope, id=memory_id))
    method = next(each for each in MEMORY if each.name == "GetMemory")
    await attempt(run, memory, method, pb.GetMemoryRequest(scope=scope, id=memory_id))


async def test_the_day_was_worth_looking_at(played: Run) -> None:
    """Things failed in every way, and it was logged and counted."""
    ended = set(re.findall(r'grpc_code="(\w+)"', played.metrics[-1]))
    assert {"OK", "InvalidArgument", "NotFound", "Internal", "Unavailable"} <= ended
    assert "unhandled exception in an RPC" in played.logs["memory"].read_text()
    assert len(played.errors) > 100
    assert len(played.metrics) == 3


async def test_no_log_has_a_mark(played: Run) -> None:
    for part, path in played.logs.items():
        lines = [line for line in path.read_text().splitlines() if MARKS.mark in line.lower()]
        assert lines == [], f"in the log of {part}"


async def test_no_metric_has_a_mark(played: Run) -> None:
    assert not any(MARKS.mark in shown.lower() for shown in played.metrics)


async def test_no_error_has_a_mark(played: Run) -> None:
    assert [told for told in played.errors if MARKS.mark.encode() in told.lower()] == []
