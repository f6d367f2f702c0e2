"""One shape for all four kinds of RPC, so that an interceptor is a single coroutine.

Every handler becomes a coroutine that takes the request (or the iterator of requests) and the
context, and returns the response, or None once it has written its stream of responses. Writing
the stream here and not in grpc also means that a cancellation is raised inside the interceptors,
and not later when the generators are collected.
"""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import grpc
import grpc.aio

Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"
Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"
Parser: TypeAlias = Callable[[bytes], Any]
Proceed: TypeAlias = Callable[[Any, Context], Awaitable[Any]]

# By (request_streaming, response_streaming): the attribute that holds the handler's function,
# the factory of such handlers, and the kind's name in metrics.
_KINDS: dict[tuple[bool, bool], tuple[str, Callable[..., Handler], str]] = {
    (False, False): ("unary_unary", grpc.unary_unary_rpc_method_handler, "unary"),
    (False, True): ("unary_stream", grpc.unary_stream_rpc_method_handler, "server_stream"),
    (True, False): ("stream_unary", grpc.stream_unary_rpc_method_handler, "client_stream"),
    (True, True): ("stream_stream", grpc.stream_stream_rpc_method_handler, "bidi_stream"),
}

# Services of the infrastructure: they hold no data, and probes call them every few seconds.
_INFRASTRUCTURE = frozenset(
    {
        "grpc.health.v1.Health",
        "grpc.reflection.v1.ServerReflection",
        "grpc.reflection.v1alpha.ServerReflection",
    }
)


@dataclass(frozen=True)
class Rpc:
    """A method of the server; ``kind``: unary, client_stream, server_stream or bidi_stream."""

    service: str
    method: str
    kind: str

    @property
    def is_infrastructure(self) -> bool:
        """Whether it belongs to health checking or reflection."""
        return self.service in _INFRASTRUCTURE


class AroundInterceptor(grpc.aio.ServerInterceptor, ABC):
    """Runs ``around`` in place of each handler; unknown methods pass by untouched."""

    @abstractmethod
    async def around(self, rpc: Rpc, proceed: Proceed, request: Any, context: Context) -> Any:
        """Handle the RPC, most likely by awaiting ``proceed(request, context)``."""

    def parser(self, parse: Parser | None) -> Parser | None:
        """Return what turns bytes into requests, outside of all interceptors."""
        return parse

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Handler | None]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Handler | None:
        """Wrap the handler of the method, if there is one."""
        handler = await continuation(handler_call_details)
        if handler is None:
            return None
        path = handler_call_details.method
        inner, wrapped = self._made.get(path, (None, None))
        if wrapped is None or inner is not handler:
            wrapped = self._wrapped(handler, path)
            self._made[path] = (handler, wrapped)
        return wrapped

    @cached_property
    def _made(self) -> dict[str, tuple[Handler, Handler]]:
        """Handlers and what they were wrapped into: all would be made anew for each RPC."""
        return {}

    def _wrapped(self, handler: Handler, path: str) -> Handler:
        shape = (bool(handler.request_streaming), bool(handler.response_streaming))
        attribute, rebuild, kind = _KINDS[shape]
        proceed = _as_coroutine(getattr(handler, attribute), bool(handler.response_streaming))
        service, _, method = path.removeprefix("/").rpartition("/")
        rpc = Rpc(service, method, kind)

        async def behaviour(request: Any, context: Context) -> Any:
            return await self.around(rpc, proceed, request, context)

        parse = self.parser(handler.request_deserializer)
        return rebuild(behaviour, parse, handler.response_serializer)


def _as_coroutine(behaviour: Callable[..., Any], response_streaming: bool) -> Proceed:
    if inspect.iscoroutinefunction(behaviour):
        return behaviour
    return _writing(behaviour) if response_streaming else _awaiting(behaviour)


def _awaiting(behaviour: Callable[..., Any]) -> Proceed:
    # A generated base class answers UNIMPLEMENTED by plain functions that raise when called.
    async def answer(request: Any, context: Context) -> Any:
        return await behaviour(request, context)

    return answer


def _writing(behaviour: Callable[..., Any]) -> Proceed:
    async def write_all(request: Any, context: Context) -> None:
        async with aclosing(behaviour(request, context)) as responses:
            async for response in responses:
                await context.write(response)

    return write_all
