"""The spans of one process, each kind of RPC over a real socket."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator

import grpc
import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind, StatusCode
from prometheus_client import CollectorRegistry

from service_kit.errors import ServiceError
from service_kit.tracing.otel_channel import TracedChannel
from service_kit.tracing.otel_server import TracingInterceptor
from service_kit.tracing.spans import NO_SPANS, Kind
from tests.service_kit.echo_service import (
    KINDS,
    MARKER,
    SERVICE,
    Running,
    code_at_end,
    serving,
    standard,
)
from tests.support.spans import Exported
from tests.support.waiting import wait_until

every_kind = pytest.mark.parametrize("method", KINDS)
TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
SAMPLED, NOT_SAMPLED = f"00-{TRACE}-{SPAN}-01", f"00-{TRACE}-{SPAN}-00"


@pytest.fixture
def exported() -> Exported:
    return Exported()


@pytest.fixture
async def running(exported: Exported):
    interceptors = [TracingInterceptor(exported.tracer), *standard(CollectorRegistry())]
    async with serving(interceptors) as running:
        yield running


def code_of(span: ReadableSpan) -> object:
    return (span.attributes or {})["rpc.response.status_code"]


@every_kind
@pytest.mark.parametrize(
    ("word", "code", "failed"),
    [
        ("hello", "OK", False),
        ("refuse", "INVALID_ARGUMENT", False),
        ("break", "INTERNAL", True),
        ("abort", "DATA_LOSS", True),
        ("set-code", "OUT_OF_RANGE", False),
    ],
)
async def test_an_rpc_of_any_kind_is_a_span_that_ends_with_its_code_and_says_nothing_more(
    running: Running, exported: Exported, method: str, word: str, code: str, failed: bool
):
    try:
        await running.call(method, word)
    except grpc.aio.AioRpcError:
        assert code != "OK"
    await running.bound.in_flight.until_idle()
    (span,) = exported.all
    assert (span.name, span.kind) == (f"{SERVICE}/{method}", SpanKind.SERVER)
    assert code_of(span) == code
    assert (span.status.status_code is StatusCode.ERROR) == failed
    assert not span.events
    assert span.status.description is None
    assert MARKER not in span.to_json()


@every_kind
async def test_a_caller_who_leaves_and_a_passed_deadline_are_told_apart(
    running: Running, exported: Exported, method: str
):
    call = running.open(method, "wait")
    await running.echo.waiting.wait()
    call.cancel()
    await running.bound.in_flight.until_idle()
    await running.error(method, "wait", seconds=0.2)
    await running.bound.in_flight.until_idle()
    assert [code_of(span) for span in exported.all] == ["CANCELLED", "DEADLINE_EXCEEDED"]


async def test_what_probes_and_tools_ask_is_no_span(running: Running, exported: Exported):
    from grpc_health.v1 import health_pb2, health_pb2_grpc

    await health_pb2_grpc.HealthStub(running.channel).Check(health_pb2.HealthCheckRequest())
    assert await running.call("Unary", "hello")
    assert [span.name for span in exported.all] == [f"{SERVICE}/Unary"]


async def test_a_method_whose_messages_have_their_own_traces_has_none(exported: Exported):
    async with serving([TracingInterceptor(exported.tracer, ["Bidi"])]) as running:
        assert await running.call("Bidi", "hello") == ["hello"]
        assert await running.call("BidiReader", "hello") == ["hello"]
    assert [span.name for span in exported.all] == [f"{SERVICE}/BidiReader"]


@pytest.fixture
def traced(running: Running, exported: Exported) -> Running:
    """The same server, called by who is traced."""
    return Running(running.bound, TracedChannel(running.channel, exported.spans), running.echo)


async def test_a_unary_call_is_a_span_at_both_ends(traced: Running, exported: Exported):
    with exported.spans.continued("work", Kind.CONSUMER, [SAMPLED], {}):
        await traced.call("Unary", "hello")
        error = await traced.error("Unary", "refuse")
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    await traced.bound.in_flight.until_idle()
    work = exported.one("work")
    servers = [span for span in exported.all if span.kind is SpanKind.SERVER]
    clients = [span for span in exported.all if span.kind is SpanKind.CLIENT]
    assert [span.parent.span_id for span in servers if span.parent] == [
        span.context.span_id for span in clients
    ]
    assert {span.parent.span_id for span in clients if span.parent} == {work.context.span_id}
    assert [code_of(span) for span in clients] == ["OK", "INVALID_ARGUMENT"]
    assert clients[1].attributes["error.type"] == "INVALID_ARGUMENT"
    assert not clients[1].events
    assert clients[1].status.description is None


async def test_a_caller_who_is_cancelled_cancels_its_call(traced: Running, exported: Exported):
    async def work() -> None:
        with exported.spans.continued("work", Kind.CONSUMER, [SAMPLED], {}):
            await traced.call("Unary", "wait")

    task = asyncio.create_task(work())
    await traced.echo.waiting.wait()
    task.cancel()
    await asyncio.wait([task])
    await wait_until(traced.echo.cancelled.is_set, "the handler is cancelled")
    client = next(span for span in exported.all if span.kind is SpanKind.CLIENT)
    assert client.attributes["error.type"] == "CancelledError"


async def test_a_call_in_no_trace_is_made_as_it_is(traced: Running, exported: Exported):
    assert await traced.call("Unary", "hello") == ["hello"]
    (span,) = exported.all  # The server begins a trace for it.
    assert (span.kind, span.parent) == (SpanKind.SERVER, None)


async def test_a_stream_is_no_part_of_who_opens_it(traced: Running, exported: Exported):
    with exported.spans.continued("work", Kind.CONSUMER, [SAMPLED], {}):
        assert await code_at_end(traced.open("Bidi", "hello")) is grpc.StatusCode.OK
    assert exported.one(f"{SERVICE}/Bidi").parent is None


async def test_a_caller_who_is_not_sampled_is_not_recorded_and_neither_is_what_it_calls(
    traced: Running, exported: Exported
):
    request = traced.channel.unary_unary(f"/{SERVICE}/Unary")
    await request(b"", metadata=[("traceparent", NOT_SAMPLED)])
    await traced.bound.in_flight.until_idle()
    assert exported.all == []


def test_work_goes_on_with_the_first_origin_and_is_linked_to_the_others(exported: Exported):
    second = f"00-{'2' * 32}-{'3' * 16}-01"
    with exported.spans.continued("work", Kind.CONSUMER, [SAMPLED, second, SAMPLED], {"n": 3}):
        pass
    span = exported.one("work")
    assert span.parent is not None
    assert (f"{span.parent.trace_id:032x}", f"{span.parent.span_id:016x}") == (TRACE, SPAN)
    assert [f"{link.context.trace_id:032x}" for link in span.links] == ["2" * 32]


@pytest.mark.parametrize(
    "origins",
    [[], [""], ["nonsense"], [NOT_SAMPLED], [f"00-{'0' * 32}-{SPAN}-01"], ["\ufffd" * 9999]],
)
def test_what_is_no_origin_makes_no_span(exported: Exported, origins: list[str]):
    with exported.spans.continued("work", Kind.CONSUMER, origins, {}):
        assert exported.spans.carried() == ""
        assert exported.spans.recorder() is None
        with exported.spans.span("part", Kind.INTERNAL, {}):
            pass
    assert exported.all == []


def test_what_is_carried_is_the_place_in_the_trace_and_nothing_else(exported: Exported):
    with exported.spans.continued("work", Kind.CONSUMER, [SAMPLED], {}):
        carried = exported.spans.carried()
    assert re.fullmatch(f"00-{TRACE}-[0-9a-f]{{16}}-01", carried)
    with exported.spans.continued("later", Kind.CONSUMER, [carried], {}):
        pass
    later = exported.one("later")
    assert later.parent is not None
    assert later.parent.span_id == exported.one("work").context.span_id


def test_who_works_for_several_adds_to_each_of_their_traces(exported: Exported):
    with exported.spans.continued("work", Kind.CONSUMER, [SAMPLED], {}):
        record = exported.spans.recorder()
    assert record is not None
    record("batch", 1_000, 3_000, {"texts": 2})
    batch = exported.one("batch")
    assert (batch.start_time, batch.end_time) == (1_000, 3_000)
    assert batch.parent is not None
    assert batch.parent.span_id == exported.one("work").context.span_id


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ValueError(MARKER), "ValueError"),
        (asyncio.CancelledError(MARKER), "CancelledError"),
        (ServiceError(grpc.StatusCode.UNAVAILABLE, "OVERLOADED", MARKER), "OVERLOADED"),
        (ServiceError(grpc.StatusCode.UNAVAILABLE, "", MARKER), "UNAVAILABLE"),
    ],
)
def test_what_fails_says_how_and_not_what(
    exported: Exported, error: BaseException, kind: str
) -> None:
    with (
        pytest.raises(type(error)),
        exported.spans.continued("work", Kind.CONSUMER, [SAMPLED], {}),
    ):
        raise error
    span = exported.one("work")
    assert span.status.status_code is StatusCode.ERROR
    assert span.attributes == {"error.type": kind}
    assert MARKER not in span.to_json()


def test_where_there_is_no_tracing_everything_can_be_said_and_is_heard_by_nobody() -> None:
    def parts() -> Iterator[object]:
        yield NO_SPANS.span("part", Kind.INTERNAL, {})
        yield NO_SPANS.continued("work", Kind.CONSUMER, [SAMPLED], {})

    first, second = parts()
    assert first is second  # one object for all: nothing is made for a call
    assert NO_SPANS.carried() == ""
    assert NO_SPANS.recorder() is None
