"""Extract and its unary twin with bad input: which part of it is refused, and what goes on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import grpc.aio
import pytest
from agentmemory.v1 import extractor_service_pb2 as pb
from agentmemory.v1 import memory_pb2
from agentmemory.v1.extractor_service_pb2_grpc import ExtractorServiceStub
from google.protobuf.timestamp_pb2 import Timestamp
from grpc import StatusCode

from service_kit.errors import from_status
from tests.contract.refusals import Refusal, invalid, refusal_of
from tests.contract.seed import said

OPEN = pb.ExtractRequest(open=pb.Open())
NOON = Timestamp(seconds=1_714_564_800)


def delta(sequence: int, *messages: memory_pb2.Message, **fields: Any) -> pb.ExtractRequest:
    given = messages or (said(id="m1", create_time=NOON),)
    return pb.ExtractRequest(delta=pb.Delta(sequence=sequence, messages=given, **fields))


def strategy(kind: str | int, instructions: str = "") -> memory_pb2.ExtractionStrategy:
    if isinstance(kind, str):
        kind = memory_pb2.ExtractionKind.Value(f"EXTRACTION_KIND_{kind}")
    return memory_pb2.ExtractionStrategy(kind=kind, instructions=instructions)  # type: ignore[arg-type]


BAD_STRATEGIES = [
    pytest.param(strategy("NONE"), "strategy.kind", id="none"),
    pytest.param(strategy(99), "strategy.kind", id="unknown kind"),
    pytest.param(strategy("CUSTOM"), "strategy.instructions", id="no instructions"),
    pytest.param(strategy("CUSTOM", " "), "strategy.instructions", id="blank instructions"),
    pytest.param(
        strategy("CUSTOM", "é" * 2048 + "x"), "strategy.instructions", id="long instructions"
    ),
    pytest.param(strategy("SUMMARY", "Be brief."), "strategy.instructions", id="not custom"),
]


async def answers(
    extractor: ExtractorServiceStub, *requests: pb.ExtractRequest, hang_up: bool = True
) -> list[pb.ExtractResponse]:
    """Return what is answered; `hang_up`: the caller ends the stream, not the service."""
    call: Any = extractor.Extract()  # The generated types are those of a synchronous stub.
    for request in requests:
        await call.write(request)
    if hang_up:
        # To a stream that has ended already, grpc's client would turn this into INTERNAL.
        await call.done_writing()
    found = []
    while (response := await call.read()) is not grpc.aio.EOF:
        found.append(response)
    return found


@pytest.mark.parametrize(
    ("requests", "field"),
    [
        ([delta(1)], "open"),
        ([pb.ExtractRequest()], "open"),
        ([OPEN, OPEN], "delta"),
        ([OPEN, delta(1), pb.ExtractRequest()], "delta"),
        ([OPEN, delta(0)], "delta.sequence"),
        ([OPEN, delta(-1)], "delta.sequence"),
        ([OPEN, delta(2), delta(2)], "delta.sequence"),
        ([OPEN, delta(2), delta(1)], "delta.sequence"),
        ([pb.ExtractRequest(open=pb.Open(resume_after=7)), delta(7)], "delta.sequence"),
    ],
    ids=[
        "no open",
        "nothing first",
        "open twice",
        "nothing after",
        "sequence zero",
        "sequence below zero",
        "sequence twice",
        "sequence falls",
        "sequence before the resume point",
    ],
)
async def test_a_stream_that_breaks_the_rules_ends_with_what_is_wrong(
    requests: list[pb.ExtractRequest], field: str, extractor: ExtractorServiceStub
) -> None:
    assert await refusal_of(answers(extractor, *requests, hang_up=False)) == invalid(field)


async def test_a_stream_without_a_request_just_ends(extractor: ExtractorServiceStub) -> None:
    assert await answers(extractor) == []


@pytest.mark.parametrize(
    ("message", "field"),
    [
        (said(create_time=NOON), "messages[0].id"),
        (said(id="m1"), "messages[0].create_time"),
        (said(id="m1", create_time=NOON, time_zone="Mars"), "messages[0].time_zone"),
        (said(id="m1", create_time=NOON, role=memory_pb2.ROLE_UNSPECIFIED), "messages[0].role"),
        (said("", id="m1", create_time=NOON), "messages[0].content"),
        (said("x" * (256 * 1024 + 1), id="m1", create_time=NOON), "messages[0].content"),
        (said(id="a\0", create_time=NOON), "messages[0].id"),
    ],
    ids=["no id", "no time", "no zone", "no role", "no text", "too long", "NUL in id"],
)
async def test_a_bad_delta_fails_alone(
    message: memory_pb2.Message, field: str, extractor: ExtractorServiceStub
) -> None:
    opened, *rest = await answers(extractor, OPEN, delta(1, message), delta(2))
    assert opened.WhichOneof("response") == "opened"
    results = {each.result.sequence: each.result for each in rest}
    error = from_status(results[1].error)
    assert (error.code, error.reason) == (StatusCode.INVALID_ARGUMENT, "EXTRACTION_FAILED")
    assert [violation.field for violation in error.violations] == [field]
    assert results[2].WhichOneof("outcome") == "extraction"


@pytest.mark.parametrize(("asked", "field"), BAD_STRATEGIES)
async def test_a_bad_strategy_fails_its_delta_alone_and_a_unary_call(
    asked: memory_pb2.ExtractionStrategy, field: str, extractor: ExtractorServiceStub
) -> None:
    _, *rest = await answers(extractor, OPEN, delta(1, strategy=asked), delta(2))
    results = {each.result.sequence: each.result for each in rest}
    error = from_status(results[1].error)
    assert (error.code, error.reason) == (StatusCode.INVALID_ARGUMENT, "EXTRACTION_FAILED")
    assert [violation.field for violation in error.violations] == [field]
    assert results[2].WhichOneof("outcome") == "extraction"
    request = pb.ExtractMemoriesRequest(messages=[said()], strategy=asked)
    assert await refusal_of(extractor.ExtractMemories(request)) == invalid(field)


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (strategy("UNSPECIFIED"), ["Ada keeps bees.", "Ada prefers tea."]),
        (strategy("DISCRETE"), ["Ada keeps bees.", "Ada prefers tea."]),
        (strategy("PREFERENCES"), ["Ada prefers tea."]),
        (strategy("SUMMARY"), ["Ada keeps bees.", "Ada prefers tea."]),
        (strategy("CUSTOM", "é" * 2048), ["Ada keeps bees.", "Ada prefers tea."]),
    ],
    ids=["default", "discrete", "preferences", "summary", "custom"],
)
async def test_a_strategy_says_what_is_extracted(
    asked: memory_pb2.ExtractionStrategy, expected: list[str], extractor: ExtractorServiceStub
) -> None:
    message = said("I keep bees. I prefer tea.", id="m1", name="Ada", create_time=NOON)
    opened, answer = await answers(extractor, OPEN, delta(1, message, strategy=asked))
    streamed = answer.result.extraction
    request = pb.ExtractMemoriesRequest(messages=[message], strategy=asked)
    assert [memory.text for memory in streamed.memories] == expected
    assert streamed.extractor == opened.opened.extractor
    assert (await extractor.ExtractMemories(request)).extraction == streamed


def extract(*messages: memory_pb2.Message) -> Callable[[ExtractorServiceStub], Awaitable[Any]]:
    return lambda stub: stub.ExtractMemories(pb.ExtractMemoriesRequest(messages=messages))


def embed(*texts: str, **fields: Any) -> Callable[[ExtractorServiceStub], Awaitable[Any]]:
    return lambda stub: stub.Embed(pb.EmbedRequest(texts=texts, **fields))


@pytest.mark.parametrize(
    ("call", "refusal"),
    [
        pytest.param(extract(), invalid("messages"), id="no message"),
        pytest.param(extract(*[said()] * 257), invalid("messages"), id="too many messages"),
        pytest.param(extract(said("")), invalid("messages[0].content"), id="no text"),
        pytest.param(
            extract(said("x" * 2 * 1024 * 1024)), invalid("messages[0].content"), id="2 MB"
        ),
        pytest.param(extract(said(role=99)), invalid("messages[0].role"), id="unknown role"),
        pytest.param(
            extract(said(id="a"), said(id="a")), invalid("messages[1].id"), id="an id twice"
        ),
        pytest.param(
            extract(said("", name="x" * 257), said(id="\n")),
            invalid("messages[0].name", "messages[0].content", "messages[1].id"),
            id="several faults",
        ),
        pytest.param(embed(), invalid("texts"), id="no texts"),
        pytest.param(embed(*["x"] * 257), invalid("texts"), id="too many texts"),
        pytest.param(embed("x", ""), invalid("texts[1]"), id="empty text"),
        pytest.param(embed("é" * (16 * 1024 + 1)), invalid("texts[0]"), id="text too long"),
        pytest.param(embed("x", purpose=99), invalid("purpose"), id="unknown purpose"),
    ],
)
async def test_a_bad_unary_call_names_all_fields_at_fault(
    call: Callable[[ExtractorServiceStub], Awaitable[Any]],
    refusal: Refusal,
    extractor: ExtractorServiceStub,
) -> None:
    assert await refusal_of(call(extractor)) == refusal
