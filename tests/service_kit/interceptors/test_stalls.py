from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import grpc
import grpc.aio
import pytest
from google.protobuf.wrappers_pb2 import StringValue

from service_kit.errors import read_error
from service_kit.health import Health
from service_kit.interceptors import ErrorsInterceptor, StallsInterceptor
from service_kit.server import Service, build_server
from tests.service_kit.echo_service import SERVICE, serving, settings
from tests.support.waiting import wait_until

LARGE = StringValue(value="x" * 1024 * 1024)


def stalls(unread: float = 0.0, silent: float = 0.0) -> list[grpc.aio.ServerInterceptor]:
    return [ErrorsInterceptor(), StallsInterceptor(unread=unread, silent=silent)]


async def to_the_end(call: Any) -> None:
    while await call.read() is not grpc.aio.EOF:
        pass


@pytest.mark.parametrize("method", ["ClientStream", "Bidi"])
async def test_a_caller_who_says_nothing_is_cut_off(method: str):
    async with serving(stalls(silent=0.2)) as running:
        kind = "stream_unary" if method == "ClientStream" else "stream_stream"
        of_path: Any = getattr(running.channel, kind)(
            f"/{SERVICE}/{method}", StringValue.SerializeToString, StringValue.FromString
        )
        call = of_path()
        await call.write(StringValue(value="echo"))
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await (call if method == "ClientStream" else to_the_end(call))
        assert raised.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert read_error(raised.value).reason == "OVERLOADED"


@pytest.mark.parametrize("method", ["ClientStream", "Bidi", "ServerStream"])
async def test_a_caller_who_goes_on_is_not(method: str):
    async with serving(stalls(unread=5, silent=5)) as running:
        assert (await running.call(method, "echo"))[-1] == "echo"


async def test_a_caller_who_does_not_read_is_cut_off():
    ended: list[BaseException | None] = []

    async def flood(request: StringValue, context: Any) -> AsyncIterator[StringValue]:
        try:
            while True:
                yield LARGE
        finally:
            ended.append(None)

    handler = grpc.unary_stream_rpc_method_handler(
        flood, StringValue.FromString, StringValue.SerializeToString
    )
    service = Service(
        SERVICE,
        lambda server: server.add_generic_rpc_handlers(
            [grpc.method_handlers_generic_handler(SERVICE, {"Flood": handler})]
        ),
    )
    async with Health({SERVICE: []}) as health:
        bound = build_server(
            settings(), services=[service], health=health, interceptors=stalls(unread=0.3)
        )
        await bound.server.start()
        async with grpc.aio.insecure_channel(f"127.0.0.1:{bound.port}") as channel:
            method = channel.unary_stream(
                f"/{SERVICE}/Flood", StringValue.SerializeToString, StringValue.FromString
            )
            call = method(StringValue())
            await call.read()
            await wait_until(lambda: bool(ended), "the handler has ended", seconds=10)
            await wait_until(lambda: bound.in_flight.running == 0, "the call has ended", seconds=10)
            with pytest.raises(grpc.aio.AioRpcError) as raised:
                await to_the_end(call)
            assert raised.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        await bound.server.stop(None)
