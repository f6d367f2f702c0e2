"""A channel whose calls show a bearer token, which may change from one call to the next.

grpc's own call credentials go with TLS only, and its interceptors replace the streams' calls by
others that know less; so what the stubs make is wrapped.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import grpc
import grpc.aio


class AuthorizedChannel(grpc.aio.Channel):
    """Another channel, and the token."""

    def __init__(self, channel: grpc.aio.Channel, token: Callable[[], str]) -> None:
        self._channel = channel
        self._token = token

    async def __aenter__(self) -> AuthorizedChannel:
        """Do nothing, as any channel."""
        return self

    async def __aexit__(self, *error: object) -> None:
        """Close the channel."""
        await self._channel.close()

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
        return self._authorized(self._channel.unary_unary(*args, **kwargs))

    def unary_stream(self, *args: Any, **kwargs: Any) -> Any:
        """Make a method's callable."""
        return self._authorized(self._channel.unary_stream(*args, **kwargs))

    def stream_unary(self, *args: Any, **kwargs: Any) -> Any:
        """Make a method's callable."""
        return self._authorized(self._channel.stream_unary(*args, **kwargs))

    def stream_stream(self, *args: Any, **kwargs: Any) -> Any:
        """Make a method's callable."""
        return self._authorized(self._channel.stream_stream(*args, **kwargs))

    def _authorized(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            given = tuple(kwargs.pop("metadata", None) or ())
            token = ("authorization", f"Bearer {self._token()}")
            return method(*args, metadata=(*given, token), **kwargs)

        return call
