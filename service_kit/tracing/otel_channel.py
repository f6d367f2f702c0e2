"""The span of a unary RPC at its client, and the headers that take the trace to its server.

Ours, because the interceptor of opentelemetry-instrumentation-grpc 0.66b2 puts the text of errors
into spans, and leaves an RPC running whose caller was cancelled.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import grpc.aio
from opentelemetry import trace

from service_kit.tracing.otel_spans import OtelSpans, injected
from service_kit.tracing.spans import Kind
from service_kit.wrapped_channel import WrappedChannel


class TracedChannel(WrappedChannel):
    """Another channel. A stream is no part of a trace: it outlives what opens it."""

    def __init__(self, channel: grpc.aio.Channel, spans: OtelSpans) -> None:
        super().__init__(channel)
        self._spans = spans

    def unary_unary(self, method: str, *args: Any, **kwargs: Any) -> Any:
        """Make a method's callable, whose calls can be awaited, once, and nothing else."""
        return self._traced(super().unary_unary(method, *args, **kwargs), method.lstrip("/"))

    def _traced(self, call: Callable[..., Any], method: str) -> Callable[..., Any]:
        attributes = {"rpc.system.name": "grpc", "rpc.method": method}

        async def traced(*args: Any, **kwargs: Any) -> Any:
            given = tuple(kwargs.pop("metadata", None) or ())
            with self._spans.span(method, Kind.CLIENT, attributes):
                try:
                    answer = await call(*args, metadata=(*given, *injected()), **kwargs)
                except grpc.aio.AioRpcError as error:
                    _ended(error.code())
                    raise
                _ended(grpc.StatusCode.OK)
                return answer

        return traced


def _ended(code: grpc.StatusCode) -> None:
    trace.get_current_span().set_attribute("rpc.response.status_code", code.name)
