"""Tracing as a service starts with it: nothing at all, or what docs/tracing.md says."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import grpc.aio

from service_kit.settings import ServerSettings
from service_kit.tracing.spans import NO_SPANS, Spans

Wrap = Callable[[grpc.aio.Channel], grpc.aio.Channel]


class TracingError(Exception):
    """Tracing is on and cannot be had; `str()` is one line for whoever started the service."""


def _as_it_is(channel: grpc.aio.Channel) -> grpc.aio.Channel:
    return channel


@dataclass(frozen=True)
class Tracing:
    """What a service puts in its places: the spans of its parts, and those of calls in and out.

    `interceptors` belong outside of all others; `traced` makes a channel's calls part of the trace.
    """

    on: bool = False
    spans: Spans = NO_SPANS
    interceptors: tuple[grpc.aio.ServerInterceptor, ...] = field(default=())
    traced: Wrap = _as_it_is


OFF = Tracing()


@asynccontextmanager
async def tracing(
    settings: ServerSettings, service: str, *, untraced: Collection[str] = ()
) -> AsyncIterator[Tracing]:
    """Give the service's tracing; afterwards what was traced has been sent, as far as that goes.

    `untraced` are methods whose streams live long and have a trace for each message. Raises
    TracingError.
    """
    if not settings.tracing:
        yield OFF
        return
    try:
        from service_kit.tracing.otel import started
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "opentelemetry":
            raise
        raise TracingError(
            "tracing is on and OpenTelemetry is not installed: install the extra 'tracing'"
        ) from None
    async with started(service, untraced) as found:
        yield found
