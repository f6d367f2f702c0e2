"""What becomes of calls when a channel's credentials are replaced, seen at two servers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest
from google.protobuf.wrappers_pb2 import StringValue

from service_kit.renewed_channel import RenewedChannel
from tests.service_kit.echo_service import SERVICE, Running, code_at_end, serving

ONE, OTHER = (grpc.ssl_channel_credentials() for _ in range(2))
"""Told apart, and not used: each stands for one of the servers."""


class Changing:
    """A channel to one of two servers, by what is current."""

    def __init__(self, one: Running, other: Running, left_seconds: float) -> None:
        self.one, self.other, self.current = one, other, ONE
        self.opened: list[grpc.aio.Channel] = []
        self.channel = RenewedChannel(self._open, lambda: self.current, left_seconds=left_seconds)

    def _open(self, credentials: grpc.ChannelCredentials) -> grpc.aio.Channel:
        port = (self.one if credentials is ONE else self.other).bound.port
        self.opened.append(grpc.aio.insecure_channel(f"127.0.0.1:{port}"))
        return self.opened[-1]

    def callable(self, kind: str, method: str) -> Any:
        make = getattr(self.channel, kind)
        name = f"/{SERVICE}/{method}"
        return make(name, StringValue.SerializeToString, StringValue.FromString)


@asynccontextmanager
async def changing(left_seconds: float = 60) -> AsyncIterator[Changing]:
    async with serving() as one, serving() as other:
        made = Changing(one, other, left_seconds)
        async with made.channel:
            yield made


@pytest.mark.parametrize(
    ("kind", "method"),
    [
        ("unary_unary", "Unary"),
        ("unary_stream", "ServerStream"),
        ("stream_unary", "ClientStream"),
        ("stream_stream", "Bidi"),
    ],
)
async def test_methods_that_were_made_before_go_by_the_new_credentials(kind: str, method: str):
    async with changing() as two:
        made, word = two.callable(kind, method), StringValue(value="word")
        request = (lambda: iter([word])) if kind.startswith("stream") else (lambda: word)
        assert await code_at_end(made(request())) is grpc.StatusCode.OK
        assert (two.one.echo.calls > 0, two.other.echo.calls) == (True, 0)
        before, two.current = two.one.echo.calls, OTHER
        for _ in range(2):
            assert await code_at_end(made(request())) is grpc.StatusCode.OK
        assert (two.one.echo.calls, two.other.echo.calls > 0) == (before, True)
        assert len(two.opened) == 2


async def test_a_call_that_has_begun_ends_where_it_began():
    async with changing() as two:
        unary = two.callable("unary_unary", "Unary")
        begun = unary(StringValue(value="wait"))
        await two.one.echo.waiting.wait()
        two.current = OTHER
        assert (await unary(StringValue(value="word"))).value == "word"
        two.one.echo.gate.set()
        assert (await begun).value == "wait"


async def test_a_call_that_goes_on_for_too_long_is_ended():
    async with changing(left_seconds=0.05) as two:
        stream = two.callable("stream_stream", "Bidi")
        begun = stream(iter([StringValue(value="wait")]))
        await two.one.echo.waiting.wait()
        two.current = OTHER
        assert await code_at_end(stream(iter([StringValue(value="word")]))) is grpc.StatusCode.OK
        assert await code_at_end_or_cancelled(begun) is grpc.StatusCode.CANCELLED
        await asyncio.wait_for(two.one.echo.cancelled.wait(), 10)


async def test_closing_ends_what_goes_on_on_all_channels():
    async with changing() as two:
        unary = two.callable("unary_unary", "Unary")
        calls = [unary(StringValue(value="wait"))]
        await two.one.echo.waiting.wait()
        two.current = OTHER
        calls.append(unary(StringValue(value="wait")))
        await two.other.echo.waiting.wait()
        await two.channel.close()
        for call in calls:
            assert await code_at_end_or_cancelled(call) is grpc.StatusCode.CANCELLED
        states = [channel.get_state() for channel in two.opened]
        assert states == [grpc.ChannelConnectivity.SHUTDOWN] * 2


async def code_at_end_or_cancelled(call: Any) -> grpc.StatusCode:
    """Return how a call ended whose channel was closed, which its reader is told as cancelled."""
    try:
        return await code_at_end(call)
    except asyncio.CancelledError:
        return grpc.StatusCode.CANCELLED
