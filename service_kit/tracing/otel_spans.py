"""Spans by OpenTelemetry. Nothing that an exception says is told, and no span is made in vain."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager

import grpc
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Link, NonRecordingSpan, Span, SpanContext, StatusCode, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from service_kit.errors import ServiceError
from service_kit.tracing.spans import Attributes, Kind, Record, no_span

# W3C Trace Context and nothing else: baggage may hold anything, and would travel on.
_W3C = TraceContextTextMapPropagator()
_KINDS = {kind: trace.SpanKind[kind.name] for kind in Kind}
_MOST_LINKS = 32


class OtelSpans:
    """The spans of one tracer."""

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer

    def span(
        self, name: str, kind: Kind, attributes: Attributes, /
    ) -> AbstractContextManager[None]:
        """Return a span of the current trace, if there is one that is recorded."""
        if not trace.get_current_span().is_recording():
            return no_span()
        return self._spanning(name, kind, attributes)

    def continued(
        self, name: str, kind: Kind, origins: Sequence[str], attributes: Attributes, /
    ) -> AbstractContextManager[None]:
        """Return a span of the first origin's trace."""
        # A message may have been delivered twice, and one call may have sent several.
        known = {origin.span_id: origin for origin in map(_known, origins) if origin}
        if not known:
            return no_span()
        first, *others = known.values()
        links = [Link(other) for other in others[:_MOST_LINKS]]
        return self._spanning(name, kind, attributes, within(first), links)

    def carried(self) -> str:
        """Return the current span, if it is recorded: what is not sampled leaves nothing behind."""
        if not trace.get_current_span().is_recording():
            return ""
        carrier: dict[str, str] = {}
        _W3C.inject(carrier)
        return carrier.get("traceparent", "")

    def recorder(self) -> Record | None:
        """Return what makes children of the current span, if it is recorded."""
        parent = trace.get_current_span()
        if not parent.is_recording():
            return None
        context = within(parent.get_span_context())

        def record(name: str, began: int, ended: int, attributes: Attributes) -> None:
            span = self._tracer.start_span(name, context, start_time=began, attributes=attributes)
            span.end(ended)

        return record

    @contextmanager
    def _spanning(
        self,
        name: str,
        kind: Kind,
        attributes: Attributes,
        context: Context | None = None,
        links: Sequence[Link] = (),
    ) -> Iterator[None]:
        with self._tracer.start_as_current_span(
            name,
            context,
            _KINDS[kind],
            attributes,
            links,
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            try:
                yield
            except BaseException as error:
                fail(span, error_type(error))
                raise


def fail(span: Span, kind: str) -> None:
    """Say that what the span is about failed, and how: by a name, with nothing more."""
    span.set_attribute("error.type", kind)
    span.set_status(StatusCode.ERROR)


def error_type(error: BaseException) -> str:
    """Return what kind of error it is: gRPC's code, the reason in our errors, or the class."""
    if isinstance(error, grpc.aio.AioRpcError):
        return error.code().name
    if isinstance(error, ServiceError):
        return error.reason or error.code.name
    return type(error).__name__


def within(parent: SpanContext) -> Context:
    """Return the context of a span's children, with nothing else in it."""
    return trace.set_span_in_context(NonRecordingSpan(parent), Context())


def extracted(carrier: Mapping[str, str]) -> Context:
    """Return the context that a caller's headers speak of; an empty one if of none."""
    return _W3C.extract(carrier, Context())


def injected() -> list[tuple[str, str]]:
    """Return the headers that tell another end of the current span, sampled or not."""
    carrier: dict[str, str] = {}
    _W3C.inject(carrier)
    return [*carrier.items()]


def _known(origin: str) -> SpanContext | None:
    """Return a carried span, if it is one."""
    found = trace.get_current_span(extracted({"traceparent": origin})).get_span_context()
    return found if found.is_valid else None
