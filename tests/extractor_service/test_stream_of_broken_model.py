"""What becomes of open streams when a model fails on everything, or hangs."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import pytest
from agentmemory.v1 import extractor_service_pb2 as pb
from agentmemory.v1.extractor_service_pb2_grpc import ExtractorServiceStub
from grpc import StatusCode

from extractor_service import condition
from memory_service.domain.errors import ExtractorUnavailable
from memory_service.extractor_stream import ExtractStream
from service_kit.channel import open_channel
from service_kit.errors import from_status
from tests.support.extractor_server import (
    Conversation,
    FakeRules,
    Hanging,
    LosingItsGpu,
    fails,
    message,
    served,
)
from tests.support.waiting import wait_until


async def test_all_streams_are_ended_and_no_delta_is_told_that_it_is_at_fault() -> None:
    embedder = LosingItsGpu()
    async with served(FakeRules().ruleset, load_embedder=lambda: embedder) as extractor:
        idle, asking = Conversation(extractor.stub), Conversation(extractor.stub)
        await idle.open()
        await asking.open()
        embedder.lost = True
        await asking.send(1, [message("m", "I ski")])
        error = from_status((await asking.result()).error)
        ended = [await ends(idle), await ends(asking)]
    assert (error.code, error.reason) == (StatusCode.UNAVAILABLE, "EXTRACTOR_UNAVAILABLE")
    assert ended == [StatusCode.UNAVAILABLE] * 2


@pytest.mark.parametrize("said_everything", [False, True])
async def test_a_stream_whose_delta_hangs_in_the_model_is_ended(
    said_everything: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    embedder, rules = Hanging(), FakeRules()
    async with served(rules.ruleset, load_embedder=lambda: embedder) as extractor:
        stream = Conversation(extractor.stub)
        await stream.open()
        embedder.gate.clear()
        try:
            await stream.send(1, [message("m", "I ski")])
            if said_everything:
                await stream.call.done_writing()
            await wait_until(lambda: rules.seen == ["m"], "the delta has come")
            monkeypatch.setattr(condition, "STUCK_SECONDS", 0.0)
            ended = await ends(stream)
        finally:
            embedder.gate.set()
    assert ended is StatusCode.UNAVAILABLE


async def test_a_stream_whose_delta_hangs_in_the_rules_is_ended(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rules = FakeRules()
    async with served(rules.ruleset) as extractor:
        stream = Conversation(extractor.stub)
        await stream.open()
        rules.gate.clear()
        try:
            await stream.send(1, [message("m", "I ski")])
            await wait_until(lambda: rules.seen == ["m"], "the delta has come")
            monkeypatch.setattr(condition, "STUCK_SECONDS", 0.0)
            ended = await ends(stream)
        finally:
            rules.gate.set()
    assert ended is StatusCode.UNAVAILABLE


async def test_a_model_in_order_again_has_its_streams_left_alone() -> None:
    embedder = LosingItsGpu()
    async with served(FakeRules().ruleset, load_embedder=lambda: embedder) as extractor:
        embedder.lost = True
        assert not await extractor.extractor.pipeline.condition.examine()
        embedder.lost = False
        assert await extractor.extractor.pipeline.condition.examine()
        stream = Conversation(extractor.stub)
        await stream.open()
        await stream.send(1, [message("m", "I ski")])
        assert (await stream.result()).WhichOneof("outcome") == "extraction"


async def test_memory_services_stream_goes_on_at_another_replica() -> None:
    embedders = [LosingItsGpu(), LosingItsGpu()]
    async with AsyncExitStack() as stack:
        replicas = [
            await stack.enter_async_context(
                served(FakeRules().ruleset, load_embedder=lambda each=each: each)  # type: ignore[misc]
            )
            for each in embedders
        ]
        ports = [f"127.0.0.1:{replica.extractor.bound.port}" for replica in replicas]
        channel = await stack.enter_async_context(open_channel(f"ipv4:{','.join(ports)}"))
        stream = ExtractStream(ExtractorServiceStub(channel), timeout=30)
        stack.push_async_callback(stream.close)
        await stream.opened()
        for embedder, replica in zip(embedders, replicas, strict=True):
            embedder.lost = replica.metric("extractor_streams") == 1
        assert [embedder.lost for embedder in embedders].count(True) == 1
        assert not await extracts(stream)
        await wait_until(lambda: extracts(stream), "the delta is taken to the other replica")


async def extracts(stream: ExtractStream) -> bool:
    """Whether a delta is answered; one that is not is never told that it is at fault."""
    try:
        found = await stream.extract(pb.Delta(messages=[message("m", "I ski")]))
    except ExtractorUnavailable:
        return False
    return bool(found.memories)


async def ends(stream: Conversation) -> StatusCode:
    """The code that it ends with, without another word."""
    async with asyncio.timeout(10):
        return (await fails(stream.call.read())).code()
