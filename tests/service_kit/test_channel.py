from __future__ import annotations

import grpc
import pytest

from service_kit.channel import open_channel, service_config
from service_kit.interceptors import ErrorsInterceptor
from tests.service_kit.echo_service import SERVICE, Echo, Running, serving


def test_unary_methods_are_retried_and_streams_are_not():
    config = service_config([Echo().descriptor])
    assert config["loadBalancingConfig"] == [{"round_robin": {}}]
    (method_config,) = config["methodConfig"]
    assert method_config["name"] == [{"service": SERVICE, "method": "Unary"}]
    assert method_config["retryPolicy"]["maxAttempts"] == 4
    assert method_config["retryPolicy"]["retryableStatusCodes"] == ["UNAVAILABLE"]


@pytest.mark.parametrize(("unavailable", "calls"), [(3, 4), (4, 4)])
async def test_an_unavailable_server_is_asked_up_to_four_times(unavailable: int, calls: int):
    async with serving([ErrorsInterceptor()]) as running:
        running.echo.unavailable = unavailable
        target = f"127.0.0.1:{running.bound.port}"
        async with open_channel(target, retried_services=[running.echo.descriptor]) as channel:
            retrying = Running(running.bound, channel, running.echo)
            if unavailable < calls:
                assert await retrying.call("Unary", "try") == ["try"]
            else:
                error = await retrying.error("Unary", "try")
                assert error.code() is grpc.StatusCode.UNAVAILABLE
        assert running.echo.calls == calls


async def test_streams_and_services_not_named_are_asked_once():
    async with serving([ErrorsInterceptor()]) as running:
        running.echo.unavailable = 1
        assert (await running.error("Unary", "try")).code() is grpc.StatusCode.UNAVAILABLE
        assert running.echo.calls == 1
        running.echo.unavailable = 2
        target = f"127.0.0.1:{running.bound.port}"
        async with open_channel(target, retried_services=[running.echo.descriptor]) as channel:
            retrying = Running(running.bound, channel, running.echo)
            assert (await retrying.error("Bidi", "try")).code() is grpc.StatusCode.UNAVAILABLE
        assert running.echo.calls == 2


async def test_a_restarted_server_is_found_again_by_the_same_channel():
    async with serving() as first:
        address = f"127.0.0.1:{first.bound.port}"
        async with open_channel(address) as channel:
            assert await Running(first.bound, channel, first.echo).call("Unary", "one") == ["one"]
            await first.bound.server.stop(None)
            error = await Running(first.bound, channel, first.echo).error("Unary", "two")
            assert error.code() is grpc.StatusCode.UNAVAILABLE
            async with serving(bind=address) as second:
                await channel.channel_ready()
                running = Running(second.bound, channel, second.echo)
                assert await running.call("Unary", "three") == ["three"]


async def test_a_message_over_the_channels_limit_is_not_taken():
    async with serving() as running:
        target = f"127.0.0.1:{running.bound.port}"
        async with open_channel(target, max_receive_bytes=1000) as channel:
            small = Running(running.bound, channel, running.echo)
            assert await small.call("Unary", "x" * 900)
            error = await small.error("Unary", "x" * 1100)
    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
