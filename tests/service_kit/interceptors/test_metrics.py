from __future__ import annotations

import grpc
import pytest
from prometheus_client import CollectorRegistry

from service_kit.interceptors.metrics import code_name
from service_kit.interceptors.observing import code_of_cancellation
from tests.service_kit.echo_service import KINDS, SERVICE, Running, code_at_end, serving, standard

every_kind = pytest.mark.parametrize("method", KINDS)


@pytest.fixture
def registry():
    return CollectorRegistry()


@pytest.fixture
async def running(registry: CollectorRegistry):
    interceptors = standard(registry)
    async with serving(interceptors) as running:
        yield running


def sample(registry: CollectorRegistry, name: str, method: str, **labels: str) -> float | None:
    labels |= {"grpc_service": SERVICE, "grpc_method": method, "grpc_type": KINDS[method]}
    return registry.get_sample_value(name, labels)


@every_kind
@pytest.mark.parametrize(
    ("word", "code"),
    [
        ("hello", "OK"),
        ("refuse", "InvalidArgument"),
        ("break", "Internal"),
        ("abort", "DataLoss"),
        ("set-code", "OutOfRange"),
    ],
)
async def test_an_rpc_is_counted_under_its_kind_and_code(
    running: Running, registry: CollectorRegistry, method: str, word: str, code: str
):
    try:
        await running.call(method, word)
    except grpc.aio.AioRpcError:
        assert code != "OK"
    await running.bound.in_flight.until_idle()
    assert sample(registry, "grpc_server_started_total", method) == 1
    assert sample(registry, "grpc_server_handled_total", method, grpc_code=code) == 1
    assert sample(registry, "grpc_server_handling_seconds_count", method) == 1


@every_kind
async def test_an_rpc_under_way_is_started_but_not_handled(
    running: Running, registry: CollectorRegistry, method: str
):
    call = running.open(method, "wait")
    await running.echo.waiting.wait()
    assert sample(registry, "grpc_server_started_total", method) == 1
    assert sample(registry, "grpc_server_handling_seconds_count", method) is None
    running.echo.gate.set()
    assert await code_at_end(call) is grpc.StatusCode.OK


@every_kind
async def test_a_caller_who_leaves_is_counted_as_canceled(
    running: Running, registry: CollectorRegistry, method: str
):
    call = running.open(method, "wait")
    await running.echo.waiting.wait()
    call.cancel()
    await running.bound.in_flight.until_idle()
    assert sample(registry, "grpc_server_handled_total", method, grpc_code="Canceled") == 1


@every_kind
async def test_a_passed_deadline_is_counted_as_such(
    running: Running, registry: CollectorRegistry, method: str
):
    await running.error(method, "wait", seconds=1.205)  # sent rounded up, to 1.21
    await running.bound.in_flight.until_idle()
    assert sample(registry, "grpc_server_handled_total", method, grpc_code="DeadlineExceeded") == 1


async def test_methods_that_do_not_exist_make_no_labels(
    running: Running, registry: CollectorRegistry
):
    error = await running.error("Unknown", "hello")
    assert error.code() is grpc.StatusCode.UNIMPLEMENTED
    labels = [sample.labels for metric in registry.collect() for sample in metric.samples]
    assert labels == []


@pytest.mark.parametrize(
    ("code", "name"),
    [
        (grpc.StatusCode.OK, "OK"),
        (grpc.StatusCode.CANCELLED, "Canceled"),
        (grpc.StatusCode.NOT_FOUND, "NotFound"),
        (grpc.StatusCode.DEADLINE_EXCEEDED, "DeadlineExceeded"),
        (grpc.StatusCode.UNAUTHENTICATED, "Unauthenticated"),
    ],
)
def test_codes_are_spelled_as_in_go(code: grpc.StatusCode, name: str):
    assert code_name(code) == name


@pytest.mark.parametrize(
    ("timeout", "remaining", "code"),
    [
        (None, None, grpc.StatusCode.CANCELLED),
        (10.0, 0.0, grpc.StatusCode.DEADLINE_EXCEEDED),
        (10.0, 0.1, grpc.StatusCode.DEADLINE_EXCEEDED),
        (10.0, 0.2, grpc.StatusCode.CANCELLED),
        (0.2, 0.1, grpc.StatusCode.CANCELLED),
    ],
)
def test_a_cancellation_at_the_deadline_is_the_deadlines(
    timeout: float | None, remaining: float | None, code: grpc.StatusCode
):
    assert code_of_cancellation(timeout, remaining) is code
