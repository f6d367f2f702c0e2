from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import grpc.aio
import pytest
from agentmemory.v1 import extractor_service_pb2 as pb
from agentmemory.v1.extractor_service_pb2_grpc import ExtractorServiceStub
from grpc import StatusCode
from grpc_health.v1 import health_pb2, health_pb2_grpc

from extractor_service import checks, condition
from extractor_service.app import SERVICE
from extractor_service.model import ModelError
from extractor_service.settings import ExtractorSettings
from extractor_service.worker import Ruleset
from service_kit.errors import read_error
from service_kit.health import LIVENESS
from tests.support.extractor_server import (
    Conversation,
    FakeRules,
    Hanging,
    LosingItsGpu,
    Served,
    fails,
    message,
    served,
)
from tests.support.hanging_extractor import HANG

Hung = asyncio.Task[grpc.aio.AioRpcError]

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


async def health_until(channel: grpc.aio.Channel, status: int, service: str = SERVICE) -> None:
    request = health_pb2.HealthCheckRequest(service=service)
    async with asyncio.timeout(20):
        async for answer in health_pb2_grpc.HealthStub(channel).Watch(request):
            if answer.status == status:
                return


def slowly(loaded: threading.Event, rules: FakeRules) -> Callable[[], Ruleset]:
    def load() -> Ruleset:
        assert loaded.wait(30)
        return rules.ruleset()

    return load


def run_extractor(*, module: str = "extractor_service", **settings: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "EXTRACTOR_MODEL": "hash", **settings}
    return subprocess.Popen(
        [sys.executable, "-m", module],
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_help_lists_the_settings() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "extractor_service", "--help"],
        capture_output=True,
        text=True,
        check=True,
    )
    for name in ExtractorSettings.model_fields:
        assert f"EXTRACTOR_{name.upper()} " in done.stdout


def test_a_bad_setting_ends_with_one_line_that_names_it() -> None:
    process = run_extractor(EXTRACTOR_MAX_IN_FLIGHT="none")
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 2
    [line] = errors.splitlines()
    assert "EXTRACTOR_MAX_IN_FLIGHT" in line


def test_a_port_that_is_taken_ends_with_one_line_that_names_it() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        process = run_extractor(EXTRACTOR_BIND=address)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    [line] = errors.splitlines()
    assert address in line


def test_a_model_that_is_not_there_ends_the_process_and_says_so() -> None:
    process = run_extractor(
        EXTRACTOR_MODEL="/no/such/model",
        EXTRACTOR_BIND="127.0.0.1:0",
        EXTRACTOR_METRICS_PORT="0",
        EXTRACTOR_LOG_LEVEL="ERROR",
    )
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    [line] = errors.splitlines()
    assert line == "extractor: there is no model folder /no/such/model"


async def test_it_answers_probes_at_once_and_serves_when_it_is_warm() -> None:
    loaded = threading.Event()
    async with served(slowly(loaded, FakeRules()), warm=False) as extractor:
        await health_until(extractor.channel, NOT_SERVING)
        error = read_error(await fails(extractor.stub.GetInfo(pb.GetInfoRequest())))
        loaded.set()
        await health_until(extractor.channel, SERVING)
        assert (await extractor.stub.GetInfo(pb.GetInfoRequest())).extractor == "fake-1"
    assert error.code is StatusCode.UNAVAILABLE
    assert error.reason == "EXTRACTOR_UNAVAILABLE"
    assert error.retry_after is not None


async def test_no_call_is_taken_before_it_is_warm() -> None:
    loaded = threading.Event()
    async with served(slowly(loaded, FakeRules()), warm=False) as extractor:
        request = pb.ExtractMemoriesRequest(messages=[message("m", "I ski")])
        errors = [
            read_error(await fails(extractor.stub.ExtractMemories(request))),
            read_error(await fails(extractor.stub.Embed(pb.EmbedRequest(texts=["a"])))),
        ]
        stream = Conversation(extractor.stub)
        errors.append(read_error(await fails(stream.open())))
        loaded.set()
        await extractor.warming
    assert {error.code for error in errors} == {StatusCode.UNAVAILABLE}


async def test_rules_that_cannot_be_loaded_are_told_to_who_waits_for_them() -> None:
    def load() -> Ruleset:
        raise ModelError("no rules")

    async with served(load, warm=False) as extractor:
        with pytest.raises(ModelError):
            await extractor.warming
        error = await fails(extractor.stub.GetInfo(pb.GetInfoRequest()))
    assert error.code() is StatusCode.UNAVAILABLE


async def test_while_it_drains_health_says_not_serving() -> None:
    async with served(FakeRules().ruleset) as extractor:
        request = health_pb2.HealthCheckRequest(service=SERVICE)
        watch = health_pb2_grpc.HealthStub(extractor.channel).Watch(request)
        while (await watch.read()).status != SERVING:
            pass
        draining = asyncio.create_task(extractor.drain())
        assert (await watch.read()).status == NOT_SERVING
        await draining


async def test_a_model_that_breaks_takes_the_service_out_of_use_until_it_works_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(checks, "RETRY_SECONDS", 0.1)
    embedder = LosingItsGpu()
    request = pb.EmbedRequest(texts=["a"])
    async with served(FakeRules().ruleset, load_embedder=lambda: embedder) as extractor:
        await health_until(extractor.channel, SERVING)
        embedder.lost = True
        error = read_error(await fails(extractor.stub.Embed(request)))
        await health_until(extractor.channel, NOT_SERVING)
        await health_until(extractor.channel, SERVING, LIVENESS)
        embedder.lost = False
        await health_until(extractor.channel, SERVING)
        assert (await extractor.stub.Embed(request)).vectors
    assert error.code is StatusCode.UNAVAILABLE
    assert error.reason == "EXTRACTOR_UNAVAILABLE"


async def test_a_model_that_stays_broken_asks_for_a_new_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(checks, "RETRY_SECONDS", 0.1)
    monkeypatch.setattr(checks, "HOPELESS_SECONDS", 0.3)
    embedder = LosingItsGpu()
    async with served(FakeRules().ruleset, load_embedder=lambda: embedder) as extractor:
        await health_until(extractor.channel, SERVING, LIVENESS)
        embedder.lost = True
        await fails(extractor.stub.Embed(pb.EmbedRequest(texts=["a"])))
        await health_until(extractor.channel, NOT_SERVING, LIVENESS)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What hangs, and what stays so, is known in a moment."""
    monkeypatch.setattr(checks, "RETRY_SECONDS", 0.1)
    monkeypatch.setattr(checks, "HOPELESS_SECONDS", 0.3)
    monkeypatch.setattr(condition, "STUCK_SECONDS", 0.3)


async def is_out_of_order_until_it_returns(
    extractor: Served, gate: threading.Event, call: Callable[..., Awaitable[Any]]
) -> None:
    """Hold up what the call needs, and let it go on when all have noticed."""
    await health_until(extractor.channel, SERVING)
    gate.clear()
    try:
        waiting = await fails(call(timeout=0.1))
        await health_until(extractor.channel, NOT_SERVING)
        refused = await fails(call())
        await health_until(extractor.channel, NOT_SERVING, LIVENESS)
    finally:
        gate.set()
    await health_until(extractor.channel, SERVING)
    await health_until(extractor.channel, SERVING, LIVENESS)
    assert waiting.code() is StatusCode.DEADLINE_EXCEEDED
    assert refused.code() is StatusCode.UNAVAILABLE


@pytest.mark.usefixtures("impatient")
async def test_a_model_that_does_not_return_is_out_of_order_until_it_does() -> None:
    embedder = Hanging()
    async with served(FakeRules().ruleset, load_embedder=lambda: embedder) as extractor:
        call = partial(extractor.stub.Embed, pb.EmbedRequest(texts=["a"]))
        await is_out_of_order_until_it_returns(extractor, embedder.gate, call)
        assert (await call()).vectors


@pytest.mark.usefixtures("impatient")
async def test_rules_that_do_not_return_are_out_of_order_until_they_do() -> None:
    rules = FakeRules()
    request = pb.ExtractMemoriesRequest(messages=[message("m", "I ski")])
    async with served(rules.ruleset) as extractor:
        call = partial(extractor.stub.ExtractMemories, request)
        await is_out_of_order_until_it_returns(extractor, rules.gate, call)
        assert (await call()).extraction.memories


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def test_the_process_serves_real_rules_and_stops_at_sigterm() -> None:
    address = f"127.0.0.1:{free_port()}"
    process = run_extractor(EXTRACTOR_BIND=address, EXTRACTOR_METRICS_PORT="0")
    try:
        async with grpc.aio.insecure_channel(address) as channel:
            await asyncio.wait_for(channel.channel_ready(), 30)
            await health_until(channel, SERVING)
            request = pb.ExtractMemoriesRequest(messages=[message("m", "I live in Paris.")])
            answer = await ExtractorServiceStub(channel).ExtractMemories(request)
        process.send_signal(signal.SIGTERM)
        await asyncio.to_thread(process.communicate, timeout=30)
    finally:
        process.kill()
        await asyncio.to_thread(process.wait)
    assert [memory.text for memory in answer.extraction.memories] == ["Ada lives in Paris."]
    assert process.returncode == 0


@asynccontextmanager
async def hanging_process(**settings: str) -> AsyncIterator[tuple[subprocess.Popen[str], Hung]]:
    """A process whose model never returns from what a call has just given it, and that call."""
    address = f"127.0.0.1:{free_port()}"
    process = run_extractor(
        module="tests.support.hanging_extractor",
        EXTRACTOR_BIND=address,
        EXTRACTOR_METRICS_PORT="0",
        **settings,
    )
    try:
        async with grpc.aio.insecure_channel(address) as channel:
            await asyncio.wait_for(channel.channel_ready(), 30)
            await health_until(channel, SERVING)
            stub = ExtractorServiceStub(channel)
            hung = asyncio.create_task(fails(stub.Embed(pb.EmbedRequest(texts=[HANG]))))
            behind = await fails(stub.Embed(pb.EmbedRequest(texts=["a"]), timeout=0.5))
            assert behind.code() is StatusCode.DEADLINE_EXCEEDED
            yield process, hung
    finally:
        process.kill()
        await asyncio.to_thread(process.communicate)


async def test_a_process_whose_model_hangs_ends_at_sigterm_and_waits_for_nothing() -> None:
    settings = {"STUCK_SECONDS": "2", "EXTRACTOR_DRAIN_SECONDS": "600"}
    async with hanging_process(**settings) as (process, waiting):
        process.send_signal(signal.SIGTERM)
        refused = read_error(await waiting)
        _, log = await asyncio.to_thread(process.communicate, timeout=30)
    assert (refused.code, refused.reason) == (StatusCode.UNAVAILABLE, "EXTRACTOR_UNAVAILABLE")
    assert process.returncode == 0
    assert "embedder_0" in log.splitlines()[-1]


async def test_a_process_whose_model_is_not_known_to_hang_ends_when_its_drain_is_over() -> None:
    settings = {"STUCK_SECONDS": "600", "EXTRACTOR_DRAIN_SECONDS": "0.5"}
    async with hanging_process(**settings) as (process, waiting):
        process.send_signal(signal.SIGTERM)
        await waiting
        await asyncio.to_thread(process.communicate, timeout=30)
    assert process.returncode == 0
