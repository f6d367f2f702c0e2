"""Spans that one process makes, kept for a test to look at."""

from __future__ import annotations

from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Tracer

from service_kit.tracing.otel_spans import OtelSpans


class Exported:
    """What one tracer has made."""

    def __init__(self) -> None:
        self._exporter = InMemorySpanExporter()
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.tracer: Tracer = provider.get_tracer("test")
        self.spans = OtelSpans(self.tracer)

    @property
    def all(self) -> list[ReadableSpan]:
        return list(self._exporter.get_finished_spans())

    def one(self, name: str) -> ReadableSpan:
        (found,) = [span for span in self.all if span.name == name]
        return found

    def of(self, trace: str) -> list[str]:
        """The names of a trace's spans, in the order in which they ended."""
        return [
            span.name
            for span in self.all
            if span.context and f"{span.context.trace_id:032x}" == trace
        ]
