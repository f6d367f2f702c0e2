"""The span of an RPC at its server.

Ours, because the interceptor of opentelemetry-instrumentation-grpc 0.66b2 iterates over a handler
that streams, and so breaks one that writes; says nothing of how a cancelled call ended; and puts
the text of errors into spans.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import grpc
from opentelemetry import trace
from opentelemetry.trace import SpanKind, Tracer

from service_kit.interceptors.around import AroundInterceptor, Context, Proceed, Rpc
from service_kit.interceptors.observing import Outcome, watched
from service_kit.tracing.otel_spans import extracted, fail

HEADERS = ("traceparent", "tracestate")

# Of what the server is to blame for, as OpenTelemetry's conventions for gRPC have it.
_FAILURES = frozenset(
    {
        grpc.StatusCode.UNKNOWN,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.UNIMPLEMENTED,
        grpc.StatusCode.INTERNAL,
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DATA_LOSS,
    }
)


class TracingInterceptor(AroundInterceptor):
    """Goes on with its caller's trace, or begins one. Belongs outside of all others."""

    def __init__(self, tracer: Tracer, untraced: Collection[str] = ()) -> None:
        """`untraced` are methods whose streams live long and have a trace for each message."""
        self._tracer = tracer
        self._untraced = frozenset(untraced)

    async def around(self, rpc: Rpc, proceed: Proceed, request: Any, context: Context) -> Any:
        """Trace one RPC."""
        if rpc.is_infrastructure or rpc.method in self._untraced:
            return await proceed(request, context)
        given = context.invocation_metadata() or ()
        headers = {key: str(value) for key, value in given if key in HEADERS}
        method = f"{rpc.service}/{rpc.method}"
        with self._tracer.start_as_current_span(
            method,
            extracted(headers),
            SpanKind.SERVER,
            {"rpc.system.name": "grpc", "rpc.method": method},
            record_exception=False,
            set_status_on_exception=False,
        ):
            return await watched(proceed, request, context, _ended)


def _ended(outcome: Outcome) -> None:
    """Say in the span how the RPC ended."""
    span = trace.get_current_span()
    span.set_attribute("rpc.response.status_code", outcome.code.name)
    if outcome.code in _FAILURES:
        fail(span, outcome.code.name)
