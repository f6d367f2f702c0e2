from __future__ import annotations

import asyncio
from datetime import timedelta

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from service_kit.errors import read_error
from service_kit.interceptors import CapsInterceptor, ErrorsInterceptor
from tests.service_kit.echo_service import Running, code_at_end, serving
from tests.support.waiting import wait_until


async def fill(running: Running, method: str, number: int) -> list[object]:
    """Open calls that wait, and return when all of them are being handled."""
    before = running.bound.in_flight.running
    calls = [running.open(method, "wait") for _ in range(number)]
    await wait_until(
        lambda: running.bound.in_flight.running == before + number, "all calls are handled"
    )
    return calls


async def test_beyond_the_total_a_caller_is_asked_to_come_back():
    async with serving([ErrorsInterceptor(), CapsInterceptor(total=3, share=1)]) as running:
        calls = await fill(running, "Bidi", 2) + await fill(running, "Unary", 1)
        error = read_error(await running.error("Unary", "echo"))
        assert (error.code, error.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "OVERLOADED")
        assert error.retry_after == timedelta(seconds=1)
        running.echo.gate.set()
        assert {await code_at_end(call) for call in calls} == {grpc.StatusCode.OK}
        assert await running.call("Unary", "echo") == ["echo"]


async def test_no_method_takes_all():
    async with serving([ErrorsInterceptor(), CapsInterceptor(total=4, share=0.5)]) as running:
        await fill(running, "Bidi", 2)
        assert (await running.error("Bidi", "x")).code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert await running.call("Unary", "echo") == ["echo"]
        running.echo.gate.set()


async def test_health_answers_when_everything_else_is_taken():
    caps = [ErrorsInterceptor(), CapsInterceptor(total=5, share=1)]
    async with serving(caps) as running:
        await running.bound.health.refresh()
        watches = [
            health_pb2_grpc.HealthStub(running.channel).Watch(health_pb2.HealthCheckRequest())
            for _ in range(20)
        ]
        assert all([await watch.read() for watch in watches])
        await fill(running, "Bidi", 5)
        refused = [running.open("Bidi", "wait") for _ in range(50)]
        stub = health_pb2_grpc.HealthStub(running.channel)
        answers = await asyncio.gather(
            *(stub.Check(health_pb2.HealthCheckRequest(), timeout=5) for _ in range(20))
        )
        assert {answer.status for answer in answers} == {health_pb2.HealthCheckResponse.SERVING}
        codes = {await code_at_end(call) for call in refused}
        assert codes == {grpc.StatusCode.RESOURCE_EXHAUSTED}
        running.echo.gate.set()


async def test_health_checks_have_a_limit_of_their_own():
    caps = [ErrorsInterceptor(), CapsInterceptor(total=5, share=1, probes=2)]
    async with serving(caps) as running:
        stub = health_pb2_grpc.HealthStub(running.channel)
        request = health_pb2.HealthCheckRequest()
        watches = [stub.Watch(request) for _ in range(2)]
        assert all([await watch.read() for watch in watches])
        assert await code_at_end(stub.Watch(request)) is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert await running.call("Unary", "echo") == ["echo"]
