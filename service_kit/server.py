"""Assembly of a gRPC server, and its life from the first RPC to the end of its drain."""

from __future__ import annotations

import asyncio
import logging
import signal
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import grpc.aio
from grpc_health.v1 import health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from service_kit.binding import bind
from service_kit.health import Health
from service_kit.interceptors.in_flight import InFlightInterceptor
from service_kit.logs import log_loop_errors
from service_kit.safe_traceback import exception_name
from service_kit.settings import ServerSettings
from service_kit.tls import ServerFiles, server_credentials

_log = logging.getLogger(__name__)

_HEALTH_SERVICE = "grpc.health.v1.Health"
# Clients may ping this often: below the keepalive of `channel.open_channel`.
_SHORTEST_CLIENT_KEEPALIVE_MS = 10_000
# How long cancelled handlers may take to clean up.
_CLEAN_UP_SECONDS = 5.0

# At once, on a port that serves nothing else.
_MOST_PROBES = 1000

DrainCallback = Callable[[], Awaitable[None]]


@dataclass(frozen=True)
class Service:
    """A service to add: its full name, and what registers it, a generated ``add_..._to_server``."""

    name: str
    add: Callable[[grpc.aio.Server], None]


@dataclass(frozen=True)
class BoundServer:
    """A server that has its port but does not answer yet.

    `health_server` is another one, at `health_port`, for probes that speak no TLS.
    """

    server: grpc.aio.Server
    port: int
    health: Health
    in_flight: InFlightInterceptor
    health_server: grpc.aio.Server | None = None
    health_port: int = 0


def build_server(
    settings: ServerSettings,
    *,
    services: Sequence[Service],
    health: Health,
    interceptors: Sequence[grpc.aio.ServerInterceptor],
) -> BoundServer:
    """Assemble and bind a server, within its event loop.

    How many RPCs are handled at once is for the interceptors: grpc would count health checks in.
    BindError if a port cannot be had, FileError if a certificate cannot be read.
    """
    in_flight = InFlightInterceptor()
    server = grpc.aio.server(
        interceptors=[in_flight, *interceptors],
        options=server_options(settings),
    )
    for service in services:
        service.add(server)
    health_pb2_grpc.add_HealthServicer_to_server(health.servicer, server)
    if settings.serves_reflection:
        names = [*(service.name for service in services), _HEALTH_SERVICE, reflection.SERVICE_NAME]
        reflection.enable_server_reflection(names, server)
    port = bind(server, settings.bind, _credentials(settings))
    if settings.health_bind is None:
        return BoundServer(server, port, health, in_flight)
    probed = grpc.aio.server(options=server_options(settings), maximum_concurrent_rpcs=_MOST_PROBES)
    health_pb2_grpc.add_HealthServicer_to_server(health.servicer, probed)
    return BoundServer(server, port, health, in_flight, probed, bind(probed, settings.health_bind))


def _credentials(settings: ServerSettings) -> grpc.ServerCredentials | None:
    if settings.tls_cert is None or settings.tls_key is None:
        return None
    files = ServerFiles(settings.tls_cert, settings.tls_key, settings.tls_client_ca)
    return server_credentials(files)


def server_options(settings: ServerSettings) -> list[tuple[str, Any]]:
    """The settings as grpc's channel arguments."""
    options = [
        # Without this a second server silently takes half of the connections.
        ("grpc.so_reuseport", 0),
        ("grpc.max_receive_message_length", settings.max_receive_bytes),
        ("grpc.max_send_message_length", settings.max_send_bytes),
        ("grpc.keepalive_time_ms", _ms(settings.keepalive_seconds)),
        ("grpc.keepalive_timeout_ms", _ms(settings.keepalive_timeout_seconds)),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.min_ping_interval_without_data_ms", _SHORTEST_CLIENT_KEEPALIVE_MS),
    ]
    if settings.max_connection_age_seconds:
        age, grace = settings.max_connection_age_seconds, settings.max_connection_age_grace_seconds
        options.append(("grpc.max_connection_age_ms", _ms(age)))
        options.append(("grpc.max_connection_age_grace_ms", _ms(grace)))
    return options


async def serve_until_signal(
    bound: BoundServer, *, drain_seconds: float, on_drain: Sequence[DrainCallback] = ()
) -> None:
    """Serve until SIGTERM or SIGINT, then drain; a second signal ends at once what is left.

    Afterwards, and after a cancellation too, no handler runs, so the caller may close what the
    handlers used.
    """
    log_loop_errors(asyncio.get_running_loop())
    if bound.health_server is not None:
        await bound.health_server.start()
    await bound.server.start()
    _log.info("serving", extra={"port": bound.port})
    try:
        with _signals() as received:
            await received.acquire()
            await _drain_or_force(bound, drain_seconds, on_drain, received)
    finally:
        await _stop(bound, None)
    _log.info("stopped")


async def _drain_or_force(
    bound: BoundServer,
    seconds: float,
    on_drain: Sequence[DrainCallback],
    received: asyncio.Semaphore,
) -> None:
    draining = asyncio.create_task(drain(bound, seconds, on_drain))
    second = asyncio.create_task(received.acquire())
    await asyncio.wait([draining, second], return_when=asyncio.FIRST_COMPLETED)
    if not draining.done():
        _log.warning("second signal: RPCs in flight are cancelled")
    draining.cancel()
    second.cancel()
    await asyncio.wait([draining, second])


async def drain(bound: BoundServer, seconds: float, on_drain: Sequence[DrainCallback] = ()) -> None:
    """Let RPCs in flight end, for so many seconds, and stop.

    Health says NOT_SERVING first; the callbacks then tell long streams to end; what still runs
    when the time is over is cancelled.
    """
    _log.info("draining", extra={"seconds": seconds})
    ends = time.monotonic() + seconds
    await bound.health.drain()
    await asyncio.gather(*(_run(callback, seconds) for callback in on_drain))
    await _stop(bound, max(0.0, ends - time.monotonic()))


async def _stop(bound: BoundServer, grace: float | None) -> None:
    await bound.server.stop(grace)
    try:
        async with asyncio.timeout(_CLEAN_UP_SECONDS):
            await bound.in_flight.until_idle()
    except TimeoutError:
        _log.warning("handlers did not end", extra={"running": bound.in_flight.running})
    if bound.health_server is not None:  # Last: until then probes hear that it does not serve.
        await bound.health_server.stop(None)


async def _run(callback: DrainCallback, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await callback()
    except Exception as error:
        _log.error("a drain callback failed", extra={"exception": exception_name(error)})


@contextmanager
def _signals() -> Iterator[asyncio.Semaphore]:
    received = asyncio.Semaphore(0)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, received.release)
    try:
        yield received
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
