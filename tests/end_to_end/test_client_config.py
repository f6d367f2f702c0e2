"""What callers are given to connect with: instances come and go, and no call fails."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest
from agentmemory.v1 import memory_service_pb2

from examples.connecting import SERVICE_CONFIG, connect
from memory_service.embedded import EmbeddedRedis
from service_kit.children import ServerProcess
from service_kit.errors import read_error
from tests.support.client import KEYWORD, Caller, Stub, connected, health
from tests.support.stack import memory_in, serving
from tests.support.waiting import wait_until

SERVICE = memory_service_pb2.DESCRIPTOR.services_by_name["MemoryService"]
CONFIG = json.loads(SERVICE_CONFIG.read_text())
STOP = "stop"
RETRIED = [
    name["method"]
    for block in CONFIG["methodConfig"]
    if block["retryPolicy"]["retryableStatusCodes"] == ["UNAVAILABLE"]
    for name in block["name"]
]


def test_the_config_retries_every_call_that_may_be_made_twice() -> None:
    """ImportMemories sends as it goes: what was sent, the caller has to send again."""
    assert sorted(RETRIED) == sorted({m.name for m in SERVICE.methods} - {"ImportMemories"})


def test_whatever_changes_something_bears_a_request_id() -> None:
    """FlushSession may be called twice as it is."""
    reading = ("Get", "BatchGet", "List", "Search", "Build", "Watch", "Export", "Flush", "Import")
    writes = [method for method in SERVICE.methods if not method.name.startswith(reading)]
    assert [m.name for m in writes if "request_id" not in m.input_type.fields_by_name] == []


async def test_a_call_without_a_deadline_has_that_of_the_config() -> None:
    """Shortened, to wait less."""

    async def never(_: bytes, __: Any) -> bytes:
        await asyncio.Event().wait()
        return b""

    server = grpc.aio.server()
    handlers = {"GetMemory": grpc.unary_unary_rpc_method_handler(never)}
    handler = grpc.method_handlers_generic_handler(SERVICE.full_name, handlers)
    server.add_generic_rpc_handlers([handler])
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    short = SERVICE_CONFIG.read_text().replace('"10s"', '"0.2s"')
    options = [("grpc.service_config", short), ("grpc.inhibit_health_checking", 1)]
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=options) as channel:
        with pytest.raises(grpc.aio.AioRpcError, match="DEADLINE_EXCEEDED"):
            await Stub(channel).GetMemory(memory_service_pb2.GetMemoryRequest(id="m"))
    await server.stop(None)


def beside(directory: Path, name: str, redis_url: str, extractor: ServerProcess) -> ServerProcess:
    return memory_in(directory, redis_url=redis_url, extractor=extractor.address, name=name)


@asynccontextmanager
async def to_both(one: ServerProcess, other: ServerProcess, **options: int) -> AsyncIterator[Stub]:
    """A stub on one channel to two instances, as of one name with two addresses."""
    paths = ",".join(process.address.removeprefix("unix:") for process in (one, other))
    given = [(f"grpc.{name}", value) for name, value in options.items()]
    async with connect(f"unix:{paths}", options=given) as channel:
        yield Stub(channel)


async def test_an_instance_is_killed_under_load_and_no_call_fails(
    directory: Path, extractor: ServerProcess
) -> None:
    async with EmbeddedRedis(directory / "redis") as redis:
        first = beside(directory, "first", redis.url, extractor)
        second = beside(directory, "second", redis.url, extractor)
        async with serving(first), serving(second), to_both(first, second) as stub:
            caller, appended = Caller(stub, user="alice"), Counter[str]()
            load = [asyncio.create_task(talk(caller, f"chat {n}", appended)) for n in range(8)]
            await wait_until(lambda: appended.total() > 50, "the load has begun", seconds=20)
            await first.kill()
            until = appended.total() + 150
            await wait_until(lambda: appended.total() > until, "the load goes on", seconds=20)
            appended[STOP] = 1
            await asyncio.gather(*load)
            del appended[STOP]
            assert len(appended) == len(load)
            for session, expected in appended.items():
                kept = (await caller.working_memory(session)).session
                assert kept.message_count == expected


async def talk(caller: Caller, session: str, appended: Counter[str]) -> None:
    """Append and read in turn, and count the appends, until told to stop; no call may fail."""
    while STOP not in appended:
        await caller.say(session, f"Alice has read book {appended[session]}.")
        appended[session] += 1
        await caller.working_memory(session, recent=1)
        await caller.found("book", mode=KEYWORD)


async def test_an_instance_that_does_not_serve_gets_no_calls(
    directory: Path, extractor: ServerProcess
) -> None:
    """Each instance has a Redis of its own here, so that answers tell whose they are."""
    async with (
        EmbeddedRedis(directory / "redis") as redis,
        EmbeddedRedis(directory / "other") as lost,
    ):
        well = beside(directory, "well", redis.url, extractor)
        ill = beside(directory, "ill", lost.url, extractor)
        async with serving(well), serving(ill), to_both(well, ill, enable_retries=0) as stub:
            async with connected(well.address) as direct:
                await Caller(direct, user="alice").say("chat", "I live in Oslo.")
            caller = Caller(stub, user="alice")
            assert {await answer(caller) for _ in range(10)} == {"OK", "SESSION_NOT_FOUND"}
            await lost.stop()

            async def is_out() -> bool:
                return await health(ill.address, SERVICE.full_name) == "NOT_SERVING"

            await wait_until(is_out, "the instance says that it does not serve", seconds=20)
            await wait_until(lambda: only_well(caller), "calls go to the other alone", seconds=5)
            assert {await answer(caller) for _ in range(20)} == {"OK"}


async def only_well(caller: Caller) -> bool:
    return {await answer(caller) for _ in range(4)} == {"OK"}


async def answer(caller: Caller) -> str:
    try:
        await caller.status("chat")
    except grpc.aio.AioRpcError as error:
        return read_error(error).reason
    return "OK"
