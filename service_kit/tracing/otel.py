"""OpenTelemetry as its own variables say (OTEL_...), from the start to the last span."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Collection, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from importlib.metadata import version

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter

from service_kit.interceptors.logging import ACCESS
from service_kit.safe_traceback import exception_name
from service_kit.tracing.otel_channel import TracedChannel
from service_kit.tracing.otel_server import TracingInterceptor
from service_kit.tracing.otel_spans import OtelSpans
from service_kit.tracing.starting import Tracing, TracingError

_log = logging.getLogger(__name__)

NAME = "agent-memory-grpc"
FLUSH_SECONDS = 3.0
"""How long a service that ends waits for its last spans to be taken."""


@asynccontextmanager
async def started(service: str, untraced: Collection[str]) -> AsyncIterator[Tracing]:
    """Trace, and send what was traced in the background. Raises TracingError."""
    exporter, provider = _set_up(service)
    tracer = provider.get_tracer(NAME, version(NAME))
    spans = OtelSpans(tracer)
    interceptor = TracingInterceptor(tracer, untraced)
    try:
        with _trace_ids_in_logs():
            yield Tracing(
                on=True,
                spans=spans,
                interceptors=(interceptor,),
                traced=lambda channel: TracedChannel(channel, spans),
            )
    finally:
        await _end(provider, exporter)


def _set_up(service: str) -> tuple[SpanExporter, TracerProvider]:
    _reader_of_headers.addFilter(_without_value)
    try:
        exporter = OTLPSpanExporter()
        provider = TracerProvider(resource=_resource(service), shutdown_on_exit=False)
        provider.add_span_processor(BatchSpanProcessor(exporter))
    except Exception as error:
        # What it says may quote a variable, and OTEL_EXPORTER_OTLP_HEADERS holds secrets.
        name = exception_name(error)
        raise TracingError(f"tracing cannot be set up: {name}; see the OTEL_ variables") from None
    return exporter, provider


def _resource(service: str) -> Resource:
    """Return what sends the spans; OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES are stronger."""
    found = Resource.create({"service.version": version(NAME)})
    if str(found.attributes["service.name"]).startswith("unknown_service"):
        return found.merge(Resource({"service.name": service}))
    return found


async def _end(provider: TracerProvider, exporter: SpanExporter) -> None:
    """Send what is left, in a thread that the end of the process does not wait for."""
    loop = asyncio.get_running_loop()
    sent = asyncio.Event()

    def send() -> None:
        provider.shutdown()
        with suppress(RuntimeError):  # Too late: the loop is closed.
            loop.call_soon_threadsafe(sent.set)

    threading.Thread(target=send, name="last spans", daemon=True).start()
    try:
        async with asyncio.timeout(FLUSH_SECONDS):
            await sent.wait()
    except TimeoutError:
        _log.warning("the last spans could not be sent")
        exporter.shutdown()  # Ends what the thread waits for.


# It logs what it cannot read, which may be a token.
_reader_of_headers = logging.getLogger("opentelemetry.util.re")


def _without_value(record: logging.LogRecord) -> bool:
    record.msg, record.args = "a header of OTEL_EXPORTER_OTLP_HEADERS is not name=value", ()
    return True


class _TraceIds(logging.Filter):
    """Gives each line of the log the trace that it belongs to, where one is recorded.

    A task may outlive the call that it was begun in, and keep its span: that has ended then, and
    only the line that tells of the call itself still belongs to it.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every line through."""
        span = trace.get_current_span()
        context = span.get_span_context()
        if span.is_recording() or (record.name == ACCESS and context.trace_flags.sampled):
            record.trace_id = trace.format_trace_id(context.trace_id)
        return True


@contextmanager
def _trace_ids_in_logs() -> Iterator[None]:
    ids = _TraceIds()
    handlers = list(logging.getLogger().handlers)
    for handler in handlers:
        handler.addFilter(ids)
    try:
        yield
    finally:
        for handler in handlers:
            handler.removeFilter(ids)
