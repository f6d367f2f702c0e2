from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from datetime import timedelta

import pytest
from agentmemory.v1 import extractor_service_pb2 as pb
from agentmemory.v1 import memory_pb2
from google.rpc import error_details_pb2, status_pb2
from grpc import StatusCode

from extractor_service.stream import ExtractStream, StreamLimits
from service_kit.errors import from_status, read_error
from tests.support.extractor_server import (
    CONTEXT_TURNS,
    POISON,
    Conversation,
    FakeRules,
    Served,
    fails,
    message,
    served,
)
from tests.support.waiting import wait_until

QUEUE_DEPTH = "extractor_rules_queue_depth"


@pytest.fixture
async def rules() -> AsyncIterator[FakeRules]:
    rules = FakeRules()
    yield rules
    rules.gate.set()


@pytest.fixture
async def extractor(rules: FakeRules) -> AsyncIterator[Served]:
    async with served(
        rules.ruleset, max_in_flight=3, max_delta_messages=4, rules_queue_messages=8
    ) as running:
        yield running
        rules.gate.set()


@pytest.fixture
async def stream(extractor: Served) -> Conversation:
    return Conversation(extractor.stub)


def raising(error: Exception) -> Callable[..., None]:
    def fail(*_: object) -> None:
        raise error

    return fail


def reason(status: status_pb2.Status) -> str:
    return from_status(status).reason


async def test_the_answer_to_open_says_what_runs_and_what_the_limits_are(
    stream: Conversation,
) -> None:
    opened = await stream.open()
    assert opened.max_in_flight == 3
    assert opened.max_delta_messages == 4
    assert opened.context_messages == CONTEXT_TURNS
    assert opened.extractor == "fake-1"
    assert opened.embedding_model.dimension == 384


async def test_a_delta_is_answered_by_a_result_of_its_sequence(stream: Conversation) -> None:
    await stream.open()
    await stream.send(7, [message("m", "I ski")], context=[message("c", "Hello")])
    result = await stream.result()
    assert result.sequence == 7
    [memory] = result.extraction.memories
    assert memory.text == "Ada says I ski after Hello"
    assert len(memory.embedding) == 384 * 4
    assert result.extraction.extractor == "fake-1"


async def test_a_stream_ends_well_when_the_caller_has_said_everything(
    stream: Conversation, rules: FakeRules
) -> None:
    await stream.open()
    rules.gate.clear()
    await stream.send(1, [message("m", "I ski")])
    await stream.call.done_writing()
    rules.gate.set()
    assert (await stream.result()).sequence == 1
    assert await stream.ends() is StatusCode.OK


async def test_a_stream_on_which_nothing_is_said_ends_well(stream: Conversation) -> None:
    await stream.call.done_writing()
    assert await stream.ends() is StatusCode.OK


async def test_one_bad_delta_does_not_end_the_stream(stream: Conversation) -> None:
    await stream.open()
    await stream.send(1, [message("m", "Fine"), message("n", f"Then {POISON}")])
    await stream.send(2, [memory_pb2.Message()])
    await stream.send(3, [message(f"m{n}", "Too many") for n in range(5)])
    bad = await stream.results(3)
    await stream.send(4, [message("m", "I ski")])
    assert len((await stream.result()).extraction.memories) == 1
    assert {bad[n].error.code for n in (1, 2, 3)} == {StatusCode.INVALID_ARGUMENT.value[0]}
    assert {reason(bad[n].error) for n in (1, 2, 3)} == {"EXTRACTION_FAILED"}


async def test_a_bad_delta_is_told_which_message_is_at_fault_and_nothing_of_its_text(
    stream: Conversation,
) -> None:
    await stream.open()
    await stream.send(1, [message("m", "Fine"), message("n", f"Then {POISON}")])
    error = (await stream.result()).error
    assert [each.field for each in from_status(error).violations] == ["messages[1]"]
    assert POISON.encode() not in error.SerializeToString()


@pytest.mark.parametrize(
    "step", ["guarding.attempt_in", "guarding.guarded", "translate.extraction"]
)
async def test_an_input_that_brings_out_a_defect_is_at_fault(
    stream: Conversation,
    step: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    await stream.open()
    with monkeypatch.context() as defect:
        defect.setattr(f"extractor_service.{step}", raising(ValueError("I ski")))
        await stream.send(1, [message("m", "I ski")])
        error = from_status((await stream.result()).error)
    assert (error.code, error.reason) == (StatusCode.INVALID_ARGUMENT, "EXTRACTION_FAILED")
    [logged] = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert logged.__dict__["error_id"] == error.metadata["error_id"]
    assert "I ski" not in str(logged.__dict__)
    await stream.send(2, [message("m", "I ski")])
    assert (await stream.result()).WhichOneof("outcome") == "extraction"


@pytest.mark.parametrize("trouble", [MemoryError(), OSError()])
async def test_a_machine_in_trouble_is_not_the_fault_of_an_input(
    stream: Conversation, trouble: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    await stream.open()
    monkeypatch.setattr("extractor_service.guarding.attempt_in", raising(trouble))
    await stream.send(1, [message("m", "I ski")])
    error = from_status((await stream.result()).error)
    assert (error.code, error.reason) == (StatusCode.INTERNAL, "INTERNAL")


async def test_a_bad_strategy_fails_its_delta_alone(stream: Conversation) -> None:
    await stream.open()
    for sequence, kind, instructions in ((1, "NONE", ""), (2, "CUSTOM", "")):
        value = memory_pb2.ExtractionKind.Value(f"EXTRACTION_KIND_{kind}")
        bad = memory_pb2.ExtractionStrategy(kind=value, instructions=instructions)
        await stream.send(sequence, [message("m", "I ski")], strategy=bad)
    results = await stream.results(2)
    good = memory_pb2.ExtractionStrategy(kind=memory_pb2.EXTRACTION_KIND_SUMMARY)
    await stream.send(3, [message("m", "I ski")], strategy=good)
    assert len((await stream.result()).extraction.memories) == 1
    errors = {number: from_status(result.error) for number, result in results.items()}
    assert {error.reason for error in errors.values()} == {"EXTRACTION_FAILED"}
    assert {n: [v.field for v in error.violations] for n, error in errors.items()} == {
        1: ["strategy.kind"],
        2: ["strategy.instructions"],
    }


async def test_a_strategy_of_a_delta_is_followed(stream: Conversation) -> None:
    await stream.open()
    asked = memory_pb2.ExtractionStrategy(kind=memory_pb2.EXTRACTION_KIND_PREFERENCES)
    said = [message("m", "Ada wants tea. Ada skis")]
    await stream.send(1, said, strategy=asked)
    assert len((await stream.result()).extraction.memories) == 1
    await stream.send(2, said)
    assert len((await stream.result()).extraction.memories) == 2


async def test_results_come_as_they_get_ready_not_in_order(
    stream: Conversation, rules: FakeRules
) -> None:
    await stream.open()
    rules.gate.clear()
    await stream.send(1, [message("m", "I ski")])
    await stream.send(2, [memory_pb2.Message()])
    assert (await stream.result()).sequence == 2
    rules.gate.set()
    assert (await stream.result()).sequence == 1


async def test_a_delta_too_many_in_flight_is_answered_with_overloaded(
    stream: Conversation, rules: FakeRules
) -> None:
    await stream.open()
    rules.gate.clear()
    for sequence in range(1, 5):
        await stream.send(sequence, [message("m", "I ski")])
    refused = await stream.result()
    assert refused.sequence == 4
    assert refused.error.code == StatusCode.RESOURCE_EXHAUSTED.value[0]
    assert reason(refused.error) == "OVERLOADED"
    assert any(
        detail.Is(error_details_pb2.RetryInfo.DESCRIPTOR) for detail in refused.error.details
    )
    rules.gate.set()
    assert set(await stream.results(3)) == {1, 2, 3}
    await stream.send(5, [message("m", "I ski")])
    assert (await stream.result()).WhichOneof("outcome") == "extraction"


async def test_a_queue_that_fills_up_asks_once_for_a_pause_and_then_refuses(
    stream: Conversation, rules: FakeRules, extractor: Served
) -> None:
    await stream.open()
    rules.gate.clear()
    other = Conversation(extractor.stub)
    await other.open()
    for sequence in (1, 2):
        await other.send(sequence, [message(f"m{n}", "I ski") for n in range(4)])
    await wait_until(lambda: extractor.metric(QUEUE_DEPTH) == 8, "the queue is full")
    await stream.send(1, [message("m", "I ski")])
    first, second = await stream.read(), await stream.read()
    assert {first.WhichOneof("response"), second.WhichOneof("response")} == {"backoff", "result"}
    backoff, refused = (first, second) if first.HasField("backoff") else (second, first)
    assert backoff.backoff.delay.ToTimedelta().total_seconds() == 1.0
    assert reason(refused.result.error) == "OVERLOADED"
    await stream.send(2, [message("m", "I ski")])
    assert (await stream.read()).WhichOneof("response") == "result"
    rules.gate.set()
    assert set(await other.results(2)) == {1, 2}


@pytest.mark.parametrize(
    ("requests", "field"),
    [
        ([pb.ExtractRequest(delta=pb.Delta(sequence=1))], "open"),
        ([pb.ExtractRequest()], "open"),
        ([pb.ExtractRequest(open=pb.Open()), pb.ExtractRequest(open=pb.Open())], "delta"),
        ([pb.ExtractRequest(open=pb.Open()), pb.ExtractRequest()], "delta"),
        (
            [
                pb.ExtractRequest(open=pb.Open(resume_after=5)),
                pb.ExtractRequest(delta=pb.Delta(sequence=5)),
            ],
            "delta.sequence",
        ),
        (
            [
                pb.ExtractRequest(open=pb.Open()),
                pb.ExtractRequest(delta=pb.Delta(sequence=2)),
                pb.ExtractRequest(delta=pb.Delta(sequence=1)),
            ],
            "delta.sequence",
        ),
    ],
    ids=["delta first", "nothing first", "open twice", "nothing", "resumed", "not growing"],
)
async def test_a_caller_who_breaks_the_rules_of_the_stream_ends_it(
    extractor: Served, requests: list[pb.ExtractRequest], field: str
) -> None:
    async def read_all() -> None:
        async for _ in extractor.stub.Extract(iter(requests)):
            pass

    error = read_error(await fails(read_all()))
    assert error.code is StatusCode.INVALID_ARGUMENT
    assert error.reason == "INVALID_FIELD"
    assert [violation.field for violation in error.violations] == [field]


async def test_a_caller_who_leaves_takes_its_pending_work_along(
    stream: Conversation, rules: FakeRules, extractor: Served
) -> None:
    await stream.open()
    rules.gate.clear()
    await stream.send(1, [message(f"m{n}", "I ski") for n in range(4)])
    await wait_until(lambda: rules.seen == ["m0"], "the rules are at work")
    stream.call.cancel()
    await wait_until(lambda: extractor.metric("extractor_streams") == 0, "the stream has ended")
    rules.gate.set()
    await wait_until(lambda: extractor.metric(QUEUE_DEPTH) == 0, "the queue is empty")
    again = Conversation(extractor.stub)
    await again.open()
    await again.send(1, [message("again", "I ski")])
    await again.result()
    assert rules.seen == ["m0", "again"]


async def test_a_drain_answers_what_is_in_flight_and_ends_the_stream_well(
    stream: Conversation, rules: FakeRules, extractor: Served
) -> None:
    await stream.open()
    rules.gate.clear()
    await stream.send(1, [message("m", "I ski"), message("n", "I run")])
    await wait_until(lambda: rules.seen == ["m"], "the rules are at work")
    draining = asyncio.create_task(extractor.drain())
    assert (await stream.read()).WhichOneof("response") == "draining"
    rules.gate.set()
    result = await stream.result()
    assert result.sequence == 1
    assert len(result.extraction.memories) == 2
    assert await stream.ends() is StatusCode.OK
    await draining


async def test_a_drain_ends_idle_streams_and_those_not_opened_yet(
    stream: Conversation, extractor: Served
) -> None:
    await stream.open()
    silent = Conversation(extractor.stub)
    await silent.call.wait_for_connection()
    await wait_until(lambda: extractor.metric("extractor_streams") == 2, "both streams are open")
    await extractor.drain()
    assert (await stream.read()).WhichOneof("response") == "draining"
    assert await stream.ends() is StatusCode.OK
    assert await silent.ends() is StatusCode.OK


async def test_a_stream_is_ended_in_order_before_its_connection_is_cut(rules: FakeRules) -> None:
    async with served(rules.ruleset, max_connection_age_grace_seconds=0.1) as extractor:
        stream = Conversation(extractor.stub)
        await stream.open()
        assert (await stream.read()).WhichOneof("response") == "draining"
        assert await stream.ends() is StatusCode.OK


async def test_a_result_that_grpc_could_not_send_fails_its_delta_alone(rules: FakeRules) -> None:
    async with served(rules.ruleset, max_send_bytes=8000) as extractor:
        stream = Conversation(extractor.stub)
        await stream.open()
        await stream.send(1, [message("m", "I ski. " * 10)])
        assert reason((await stream.result()).error) == "EXTRACTION_FAILED"
        await stream.send(2, [message("m", "I ski")])
        assert (await stream.result()).WhichOneof("outcome") == "extraction"


async def test_a_caller_who_does_not_read_is_not_read_from(
    rules: FakeRules, extractor: Served
) -> None:
    taken = 0
    refusing = asyncio.Event()

    async def requests() -> AsyncIterator[pb.ExtractRequest]:
        nonlocal taken
        yield pb.ExtractRequest(open=pb.Open())
        while True:
            taken += 1
            delta = pb.Delta(sequence=taken, messages=[message("m", "I ski")])
            yield pb.ExtractRequest(delta=delta)

    async def write(response: pb.ExtractResponse) -> None:
        if response.WhichOneof("response") == "result":
            refusing.set()
            await asyncio.Event().wait()

    rules.gate.clear()
    limits = StreamLimits(3, 4, 1000, 0.0, timedelta(seconds=1))
    stream = ExtractStream(extractor.extractor.pipeline, limits, asyncio.Event(), write)
    running = asyncio.create_task(stream.run(requests()))
    await refusing.wait()
    for _ in range(100):
        await asyncio.sleep(0)
    assert taken == 4
    running.cancel()
    await asyncio.wait([running])
    assert extractor.metric(QUEUE_DEPTH) == 0
