"""Prometheus metrics of a process, on a registry of its own, and the port that serves them."""

from __future__ import annotations

import platform
import threading
from dataclasses import dataclass
from wsgiref.simple_server import WSGIServer

from prometheus_client import (
    CollectorRegistry,
    Gauge,
    GCCollector,
    PlatformCollector,
    ProcessCollector,
    start_http_server,
)

from service_kit.binding import BindError


def new_registry(service: str, version: str) -> CollectorRegistry:
    """A registry with the process, platform and gc collectors, and ``build_info``."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)
    build_info = Gauge(
        "build_info", "What runs; always 1.", ("service", "version", "python"), registry=registry
    )
    build_info.labels(service, version, platform.python_version()).set(1)
    return registry


@dataclass(frozen=True)
class MetricsServer:
    """An HTTP server of ``/metrics`` in a thread."""

    port: int
    _server: WSGIServer
    _thread: threading.Thread

    def close(self) -> None:
        """Stop serving and free the port."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def serve_metrics(registry: CollectorRegistry, host: str, port: int) -> MetricsServer:
    """Serve a registry over HTTP; port 0 takes a free one. BindError if it cannot."""
    try:
        server, thread = start_http_server(port, host, registry)
    except OSError as error:
        raise BindError(f"{host}:{port}", error.strerror or "cannot listen") from error
    return MetricsServer(server.server_port, server, thread)
