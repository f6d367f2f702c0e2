from __future__ import annotations

import logging

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from service_kit.interceptors import AccessLog, ErrorsInterceptor, ObservingInterceptor
from tests.service_kit.echo_service import KINDS, SERVICE, Running, serving


@pytest.fixture
async def running():
    async with serving([ObservingInterceptor([AccessLog()]), ErrorsInterceptor()]) as running:
        yield running


def access_lines(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    return [record for record in caplog.records if record.name == "service_kit.access"]


@pytest.mark.parametrize("method", KINDS)
async def test_an_rpc_leaves_one_line_without_its_content(
    running: Running, method: str, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.INFO)
    await running.call(method, "something-private")
    await running.bound.in_flight.until_idle()
    (line,) = access_lines(caplog)
    assert (line.grpc_service, line.grpc_method) == (SERVICE, method)
    assert (line.grpc_type, line.grpc_code) == (KINDS[method], "OK")
    assert line.duration_ms > 0
    assert line.peer_kind == "ipv4"
    assert "something-private" not in str(vars(line))
    assert "127.0.0.1" not in str(vars(line))


async def test_a_failed_rpc_is_logged_with_its_code(
    running: Running, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.INFO)
    await running.error("Unary", "refuse")
    await running.bound.in_flight.until_idle()
    assert [line.grpc_code for line in access_lines(caplog)] == ["InvalidArgument"]


async def test_health_checks_are_logged_at_debug_only(
    running: Running, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.DEBUG)
    stub = health_pb2_grpc.HealthStub(running.channel)
    await stub.Check(health_pb2.HealthCheckRequest())
    with pytest.raises(grpc.aio.AioRpcError):
        await stub.Check(health_pb2.HealthCheckRequest(service="nobody.Knows"))
    await running.bound.in_flight.until_idle()
    lines = access_lines(caplog)
    assert [line.grpc_code for line in lines] == ["OK", "NotFound"]
    assert {line.levelno for line in lines} == {logging.DEBUG}
