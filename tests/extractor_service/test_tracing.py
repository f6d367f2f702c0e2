"""What the extractor tells of its work: to each caller's trace its own part, and no text."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

import numpy as np
import pytest
from agentmemory.v1 import extractor_service_pb2 as pb
from prometheus_client import CollectorRegistry

from extractor_service.app import STREAMED
from extractor_service.batcher import Batcher
from extractor_service.embed_metrics import EmbedMetrics
from extractor_service.embedder import ModelInfo, Purpose
from extractor_service.hashing import HashingEmbedder
from extractor_service.reranker import Pair, Scores
from extractor_service.stream import DELTA
from service_kit.tracing.otel_server import TracingInterceptor
from service_kit.tracing.spans import Kind
from service_kit.tracing.starting import Tracing
from tests.support.extractor_server import (
    POISON,
    Conversation,
    FakeRules,
    Served,
    message,
    served,
)
from tests.support.spans import Exported
from tests.support.waiting import wait_until

ONE, TWO = "1" * 32, "2" * 32


def parent(trace: str) -> str:
    return f"00-{trace}-{'a' * 16}-01"


class Flat:
    """A reranker to which all texts are alike."""

    info = ModelInfo("flat", "1", 0, 64, "cpu", "float32")

    def scores(self, pairs: Sequence[Pair]) -> Scores:
        return np.full(len(pairs), 0.5)


@pytest.fixture
def exported() -> Exported:
    return Exported()


@pytest.fixture
async def extractor(exported: Exported) -> AsyncIterator[Served]:
    interceptor = TracingInterceptor(exported.tracer, STREAMED)
    traces = Tracing(on=True, spans=exported.spans, interceptors=(interceptor,))
    async with served(FakeRules().ruleset, traces=traces) as extractor:
        yield extractor


async def test_each_delta_of_a_stream_is_in_the_trace_that_it_names_and_the_stream_in_none(
    extractor: Served, exported: Exported
) -> None:
    conversation = Conversation(extractor.stub)
    await conversation.open()
    await conversation.send(1, [message("m1", "I ski")], traceparent=parent(ONE))
    await conversation.send(2, [message("m2", "I swim")], traceparent=parent(TWO))
    await conversation.send(3, [message("m3", "I run")])
    await conversation.results(3)
    await wait_until(lambda: len(exported.all) >= 6, "the spans of two deltas")
    for trace in (ONE, TWO):
        assert sorted(exported.of(trace)) == sorted([DELTA, "find memories", "embed batch"])
    await conversation.call.done_writing()
    await conversation.ends()
    assert len(exported.all) == 6


async def test_a_delta_that_fails_is_told_by_its_reason_alone(
    extractor: Served, exported: Exported
) -> None:
    conversation = Conversation(extractor.stub)
    await conversation.open()
    await conversation.send(1, [message("m1", f"I eat {POISON}")], traceparent=parent(ONE))
    assert (await conversation.result()).error.code
    await wait_until(lambda: DELTA in exported.of(ONE), "the span of the delta")
    span = exported.one(DELTA)
    assert (span.attributes or {})["error.type"] == "RulesFailed"
    assert not any(POISON in each.to_json() for each in exported.all)


async def test_a_batch_for_two_callers_is_in_the_traces_of_both(exported: Exported) -> None:
    async with Batcher(
        HashingEmbedder, EmbedMetrics(CollectorRegistry()), spans=exported.spans
    ) as batcher:

        async def caller(trace: str, texts: Sequence[str]) -> None:
            with exported.spans.continued("call", Kind.SERVER, [parent(trace)], {}):
                await batcher.embed(texts, Purpose.DOCUMENT)

        # Both wait before the batcher has a turn, and "same" is read once for both.
        await asyncio.gather(caller(ONE, ["same", "mine"]), caller(TWO, ["same"]))
    assert exported.of(ONE) == ["embed batch", "call"]
    assert exported.of(TWO) == ["embed batch", "call"]
    batches = [span.attributes or {} for span in exported.all if span.name == "embed batch"]
    assert [batch["agentmemory.batch.texts"] for batch in batches] == [2, 2]


async def test_reranking_tells_of_its_batches(exported: Exported) -> None:
    interceptor = TracingInterceptor(exported.tracer, STREAMED)
    traces = Tracing(on=True, spans=exported.spans, interceptors=(interceptor,))
    async with served(FakeRules().ruleset, load_reranker=Flat, traces=traces) as extractor:
        before = len(exported.all)
        request = pb.RerankRequest(query="what", texts=["one", "two"])
        await extractor.stub.Rerank(request, metadata=[("traceparent", parent(ONE))])
        await extractor.extractor.bound.in_flight.until_idle()
        assert before == 0  # warming up is in no trace
    assert exported.of(ONE) == ["rerank batch", "agentmemory.v1.ExtractorService/Rerank"]
    batch = exported.one("rerank batch")
    assert (batch.attributes or {})["agentmemory.batch.texts"] == 2
