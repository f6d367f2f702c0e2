"""Cuts off callers who open a stream and then neither read nor write."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
import grpc.aio

from service_kit.errors import ServiceError
from service_kit.interceptors.around import AroundInterceptor, Context, Proceed, Rpc


class StallsInterceptor(AroundInterceptor):
    """Ends a stream with RESOURCE_EXHAUSTED / OVERLOADED when its caller holds it up.

    `unread` seconds without taking a response, `silent` seconds without sending a request; 0 is no
    limit. Belongs inside the errors interceptor.
    """

    def __init__(self, *, unread: float, silent: float) -> None:
        self._unread = unread
        self._silent = silent

    async def around(self, rpc: Rpc, proceed: Proceed, request: Any, context: Context) -> Any:
        """Handle one RPC."""
        if rpc.is_infrastructure or rpc.kind == "unary":
            return await proceed(request, context)
        if rpc.kind != "server_stream" and self._silent:
            request = _spoken(request, self._silent)
        if rpc.kind != "client_stream" and self._unread:
            context = _Read(context, self._unread)  # type: ignore[assignment]
        return await proceed(request, context)


class _Read:
    """The context of an RPC whose responses have to be read in time."""

    def __init__(self, context: Context, seconds: float) -> None:
        self._context = context
        self._seconds = seconds

    def __getattr__(self, name: str) -> Any:
        return getattr(self._context, name)

    async def write(self, message: Any) -> None:
        try:
            async with asyncio.timeout(self._seconds):
                await self._context.write(message)
        except TimeoutError:
            raise _held_up("responses are not read") from None


async def _spoken(requests: AsyncIterator[Any], seconds: float) -> AsyncIterator[Any]:
    requests = aiter(requests)
    while True:
        try:
            async with asyncio.timeout(seconds):
                request = await anext(requests, None)
        except TimeoutError:
            raise _held_up("no more requests come") from None
        if request is None:
            return
        yield request


def _held_up(what: str) -> ServiceError:
    return ServiceError(grpc.StatusCode.RESOURCE_EXHAUSTED, "OVERLOADED", f"cut off: {what}")
