"""A channel that is opened anew when what it shows and trusts has changed.

grpc's channels keep the certificates that they were opened with, and an expired one is refused at
the next connection, however long there has been another.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import grpc
import grpc.aio

from service_kit.wrapped_channel import WrappedChannel

LEFT_SECONDS = 600.0
"""How long calls may go on, on the channel that they began on. Streams for good, which are to be
ended by their server before that, are ended then."""


class RenewedChannel(WrappedChannel):
    """What `open_channel` gives for the credentials that are `current` when a call begins."""

    def __init__(
        self,
        open_channel: Callable[[grpc.ChannelCredentials], grpc.aio.Channel],
        current: Callable[[], grpc.ChannelCredentials],
        *,
        left_seconds: float = LEFT_SECONDS,
    ) -> None:
        self._open = open_channel
        self._current = current
        self._left_seconds = left_seconds
        self._leaving: set[asyncio.Task[None]] = set()
        self._credentials = current()
        super().__init__(open_channel(self._credentials))

    async def close(self, grace: float | None = None) -> None:
        """Close the channel, and those before it at once."""
        for leaving in self._leaving:
            leaving.cancel()
        await asyncio.gather(*self._leaving, super().close(grace), return_exceptions=True)

    def _wrapped(self, make: Callable[[], Callable[..., Any]]) -> Callable[..., Any]:
        """Return the method of the channel that there is at each call."""
        made_of, method = self._channel, make()

        def call(*args: Any, **kwargs: Any) -> Any:
            nonlocal made_of, method
            self._renew()
            if made_of is not self._channel:
                made_of, method = self._channel, make()
            return method(*args, **kwargs)

        return call

    def _renew(self) -> None:
        current = self._current()
        if current is self._credentials:
            return
        leaving = asyncio.create_task(self._leave(self._channel))
        self._leaving.add(leaving)
        leaving.add_done_callback(self._leaving.discard)
        self._channel, self._credentials = self._open(current), current

    async def _leave(self, channel: grpc.aio.Channel) -> None:
        try:
            await asyncio.sleep(self._left_seconds)
        finally:
            await channel.close()
