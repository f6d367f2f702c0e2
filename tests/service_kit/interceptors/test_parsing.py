from __future__ import annotations

import grpc
import pytest
from prometheus_client import CollectorRegistry

from service_kit.errors import read_error
from tests.service_kit.echo_service import SERVICE, Running, serving, standard

GARBAGE = b"\x0a\xff\xff\xff\xff\xff"


async def _refusal(running: Running, method: str, *, streamed: bool) -> grpc.aio.AioRpcError:
    factory = running.channel.stream_stream if streamed else running.channel.unary_stream
    call = factory(f"/{SERVICE}/{method}")(iter([GARBAGE]) if streamed else GARBAGE, timeout=20)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        async for _ in call:
            pass
    return caught.value


@pytest.mark.parametrize(
    ("method", "streamed"),
    [("Unary", False), ("ServerStream", False), ("ClientStream", True), ("Bidi", True)],
)
async def test_a_request_that_cannot_be_parsed_is_refused_and_counted(method: str, streamed: bool):
    registry = CollectorRegistry()
    async with serving(standard(registry)) as running:
        error = await _refusal(running, method, streamed=streamed)
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert read_error(error).reason == "INVALID_FIELD"
    assert "DecodeError" not in (error.details() or "")
    handled = [
        sample.value
        for metric in registry.collect()
        for sample in metric.samples
        if sample.name == "grpc_server_handled_total"
        and sample.labels["grpc_method"] == method
        and sample.labels["grpc_code"] == "InvalidArgument"
    ]
    assert handled == [1]


async def test_requests_that_can_be_parsed_reach_their_handler():
    registry = CollectorRegistry()
    async with serving(standard(registry)) as running:
        assert await running.call("Unary", "hello") == ["hello"]
        assert await running.call("Bidi", "hello") == ["hello"]
