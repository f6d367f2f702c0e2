"""A channel that does something around each call.

grpc's own interceptors replace the streams' calls by others that know less, and one that waits for
a unary call leaves it running when its caller is cancelled; so what the stubs make is wrapped.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import grpc
import grpc.aio


class WrappedChannel(grpc.aio.Channel):
    """Another channel; a subclass changes what it makes, of one kind or of all."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._channel = channel

    async def __aenter__(self) -> WrappedChannel:
        """Do nothing, as any channel."""
        return self

    async def __aexit__(self, *error: object) -> None:
        """Close the channel."""
        await self.close()

    async def close(self, grace: float | None = None) -> None:
        """Close the channel."""
        await self._channel.close(grace)

    def get_state(self, try_to_connect: bool = False) -> grpc.ChannelConnectivity:
        """Return the channel's state."""
        return self._channel.get_state(try_to_connect)

    async def wait_for_state_change(self, last_observed_state: grpc.ChannelConnectivity) -> None:
        """Wait until the channel's state is another."""
        await self._channel.wait_for_state_change(last_observed_state)

    async def channel_ready(self) -> None:
        """Wait until the channel is connected."""
        await self._channel.channel_ready()

    def unary_unary(self, *args: Any, **kwargs: Any) -> Any:
        """Make a method's callable."""
        return self._wrapped(lambda: self._channel.unary_unary(*args, **kwargs))

    def unary_stream(self, *args: Any, **kwargs: Any) -> Any:
        """Make a method's callable."""
        return self._wrapped(lambda: self._channel.unary_stream(*args, **kwargs))

    def stream_unary(self, *args: Any, **kwargs: Any) -> Any:
        """Make a method's callable."""
        return self._wrapped(lambda: self._channel.stream_unary(*args, **kwargs))

    def stream_stream(self, *args: Any, **kwargs: Any) -> Any:
        """Make a method's callable."""
        return self._wrapped(lambda: self._channel.stream_stream(*args, **kwargs))

    def _wrapped(self, make: Callable[[], Callable[..., Any]]) -> Callable[..., Any]:
        """Return what stubs call for a method that `make` makes of the channel, of any kind."""
        return make()
