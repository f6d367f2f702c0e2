"""A channel whose calls show a bearer token, which may change from one call to the next.

grpc's own call credentials go with TLS only.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import grpc.aio

from service_kit.wrapped_channel import WrappedChannel


class AuthorizedChannel(WrappedChannel):
    """Another channel, and the token."""

    def __init__(self, channel: grpc.aio.Channel, token: Callable[[], str]) -> None:
        super().__init__(channel)
        self._token = token

    def _wrapped(self, make: Callable[[], Callable[..., Any]]) -> Callable[..., Any]:
        method = make()

        def call(*args: Any, **kwargs: Any) -> Any:
            given = tuple(kwargs.pop("metadata", None) or ())
            token = ("authorization", f"Bearer {self._token()}")
            return method(*args, metadata=(*given, token), **kwargs)

        return call
