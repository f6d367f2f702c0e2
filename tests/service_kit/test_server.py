from __future__ import annotations

import asyncio
import os
import re
import signal
import socket

import grpc
import pytest
from google.protobuf.wrappers_pb2 import StringValue
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from service_kit.binding import BindError
from service_kit.channel import open_channel
from service_kit.health import Health
from service_kit.interceptors import CapsInterceptor, ErrorsInterceptor
from service_kit.server import build_server, drain, serve_until_signal, server_options
from tests.service_kit.echo_service import (
    KINDS,
    SERVICE,
    Echo,
    Running,
    code_at_end,
    serving,
    settings,
)

every_kind = pytest.mark.parametrize("method", KINDS)


async def reflected_services(channel: grpc.aio.Channel) -> set[str]:
    stub = reflection_pb2_grpc.ServerReflectionStub(channel)
    call = stub.ServerReflectionInfo(
        iter([reflection_pb2.ServerReflectionRequest(list_services="")])
    )
    response = await call.read()
    call.cancel()
    return {service.name for service in response.list_services_response.service}


async def test_a_server_has_health_and_reflection():
    async with serving() as running:
        await running.bound.health.refresh()
        stub = health_pb2_grpc.HealthStub(running.channel)
        answer = await stub.Check(health_pb2.HealthCheckRequest())
        assert answer.status == health_pb2.HealthCheckResponse.SERVING
        assert await reflected_services(running.channel) == {
            SERVICE,
            "grpc.health.v1.Health",
            "grpc.reflection.v1alpha.ServerReflection",
        }


async def test_reflection_can_be_switched_off():
    async with serving(reflection="off") as running:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await reflected_services(running.channel)
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_a_second_server_cannot_take_the_port(host: str, capfd: pytest.CaptureFixture[str]):
    async with serving(bind=f"{host}:0") as running:
        address = f"{host}:{running.bound.port}"
        with pytest.raises(BindError, match=f"^cannot listen on {address}: address already in use"):
            build_server(settings(bind=address), services=[], health=Health({}), interceptors=[])
        assert await running.call("Unary", "hello") == ["hello"]
        # Of grpc's own lines only errors: it may tell late of a connection that a test before had.
        assert not re.search(r"^E\d", capfd.readouterr().err, re.MULTILINE)


async def test_a_host_that_is_not_here_is_a_clear_error():
    with pytest.raises(BindError, match=r"^cannot listen on 192.0.2.1:50051: cannot assign"):
        build_server(
            settings(bind="192.0.2.1:50051", auth_mode="none", allow_unauthenticated=True),
            services=[],
            health=Health({}),
            interceptors=[],
        )


async def test_a_unix_socket_can_be_served(tmp_path):
    address = f"unix:{tmp_path}/echo.sock"
    async with serving(bind=address), open_channel(address) as channel:
        whole = channel.unary_unary(
            f"/{SERVICE}/Unary", StringValue.SerializeToString, StringValue.FromString
        )
        assert (await whole(StringValue(value="hello"))).value == "hello"


async def test_a_message_over_the_limit_is_refused():
    async with serving(max_receive_bytes=1000) as running:
        assert await running.call("Unary", "x" * 900)
        error = await running.error("Unary", "x" * 1100)
    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


async def test_an_rpc_over_the_concurrent_limit_is_refused():
    interceptors = [ErrorsInterceptor(), CapsInterceptor(total=1, share=1)]
    async with serving(interceptors) as running:
        first = running.open("Unary", "wait")
        await running.echo.waiting.wait()
        assert (await running.error("Unary", "hello")).code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        running.echo.gate.set()
        assert (await first).value == "wait"


async def test_the_connection_age_is_a_setting_and_zero_is_none():
    limited = dict(server_options(settings(max_connection_age_seconds=7)))
    assert limited["grpc.max_connection_age_ms"] == 7000
    unlimited = dict(server_options(settings(max_connection_age_seconds=0)))
    assert "grpc.max_connection_age_ms" not in unlimited
    assert unlimited["grpc.so_reuseport"] == 0


@every_kind
async def test_a_drain_lets_an_rpc_in_flight_finish(method: str):
    async with serving() as running:
        call = running.open(method, "wait")
        await running.echo.waiting.wait()
        draining = asyncio.create_task(drain(running.bound, 20))
        await until_refused(running)
        assert not draining.done()
        running.echo.gate.set()
        assert await code_at_end(call) is grpc.StatusCode.OK
        await draining
        assert not running.echo.cancelled.is_set()


async def until_refused(running: Running) -> None:
    """Wait until the server takes no new RPCs."""
    async with open_channel(f"127.0.0.1:{running.bound.port}") as channel:
        fresh = Running(running.bound, channel, running.echo)
        while True:
            # One that comes in the very moment of the stop is cancelled, later ones find no port.
            if await code_at_end(fresh.open("Unary", "hello")) is not grpc.StatusCode.OK:
                return


@every_kind
async def test_a_drain_cancels_what_outlasts_it_and_waits_for_the_clean_up(method: str):
    async with serving() as running:
        call = running.open(method, "wait")
        await running.echo.waiting.wait()
        await drain(running.bound, 0.01)
        assert running.echo.cancelled.is_set()
        assert running.echo.cleaned_up.is_set()
        assert running.bound.in_flight.running == 0
        assert await code_at_end(call) is grpc.StatusCode.UNAVAILABLE


async def test_a_drain_tells_health_first_and_then_runs_its_callbacks():
    async with serving() as running:
        await running.bound.health.refresh()
        stub = health_pb2_grpc.HealthStub(running.channel)
        seen = []

        async def look() -> None:
            answer = await stub.Check(health_pb2.HealthCheckRequest(service=SERVICE))
            seen.append(answer.status)
            running.echo.gate.set()

        async def fail() -> None:
            raise RuntimeError

        call = running.open("Bidi", "wait")
        await running.echo.waiting.wait()
        await drain(running.bound, 20, [fail, look])
        assert seen == [health_pb2.HealthCheckResponse.NOT_SERVING]
        assert await code_at_end(call) is grpc.StatusCode.OK


async def test_a_health_watcher_does_not_hold_up_a_drain():
    async with serving() as running:
        watch = health_pb2_grpc.HealthStub(running.channel).Watch(
            health_pb2.HealthCheckRequest(service=SERVICE)
        )
        assert await watch.read() is not grpc.aio.EOF
        # Far longer than a test may take: the drain has to end by itself.
        await drain(running.bound, 3600)
        while await watch.read() is not grpc.aio.EOF:
            pass
        assert await watch.code() is grpc.StatusCode.OK


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_drains_and_a_second_one_forces(number: signal.Signals):
    echo = Echo()
    async with Health({SERVICE: []}) as health:
        bound = build_server(settings(), services=[echo.service], health=health, interceptors=[])
        serving_ = asyncio.create_task(serve_until_signal(bound, drain_seconds=3600))
        async with open_channel(f"127.0.0.1:{bound.port}") as channel:
            running = Running(bound, channel, echo)
            call = running.open("Unary", "wait")
            await echo.waiting.wait()
            os.kill(os.getpid(), number)
            await until_refused(running)
            assert not serving_.done()
            os.kill(os.getpid(), number)
            await serving_
            assert echo.cleaned_up.is_set()
            assert await code_at_end(call) is grpc.StatusCode.UNAVAILABLE
    assert asyncio.get_running_loop().remove_signal_handler(number) is False


async def test_one_signal_is_enough_when_nothing_is_in_flight():
    async with Health({SERVICE: []}) as health:
        bound = build_server(settings(), services=[Echo().service], health=health, interceptors=[])
        serving_ = asyncio.create_task(serve_until_signal(bound, drain_seconds=3600))
        async with open_channel(f"127.0.0.1:{bound.port}") as channel:
            assert await Running(bound, channel, Echo()).call("Unary", "hello") == ["hello"]
        os.kill(os.getpid(), signal.SIGTERM)
        await serving_
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", bound.port)).close()


async def test_a_server_whose_task_is_cancelled_stops_with_its_handlers():
    echo = Echo()
    async with Health({SERVICE: []}) as health:
        bound = build_server(settings(), services=[echo.service], health=health, interceptors=[])
        serving_ = asyncio.create_task(serve_until_signal(bound, drain_seconds=3600))
        async with open_channel(f"127.0.0.1:{bound.port}") as channel:
            call = Running(bound, channel, echo).open("Unary", "wait")
            await echo.waiting.wait()
            serving_.cancel()
            with pytest.raises(asyncio.CancelledError):
                await serving_
            assert echo.cleaned_up.is_set()
            assert await code_at_end(call) is grpc.StatusCode.UNAVAILABLE
