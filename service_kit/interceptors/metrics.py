"""RPC metrics under the names of go-grpc-middleware's Prometheus provider, so its dashboards fit.

https://github.com/grpc-ecosystem/go-grpc-middleware/tree/main/providers/prometheus
"""

from __future__ import annotations

import grpc
from prometheus_client import CollectorRegistry, Counter, Histogram

from service_kit.interceptors.around import Rpc
from service_kit.interceptors.observing import Outcome

_LABELS = ("grpc_type", "grpc_service", "grpc_method")

# Go's spelling, where capitalising each word of grpc's constant does not give it.
_GO_NAMES = {grpc.StatusCode.OK: "OK", grpc.StatusCode.CANCELLED: "Canceled"}


def code_name(code: grpc.StatusCode) -> str:
    """The name of a code as Go prints it: OK, InvalidArgument, Canceled."""
    return _GO_NAMES.get(code) or code.name.title().replace("_", "")


class RpcMetrics:
    """Counts and times RPCs of methods the server has; others would make labels without bound."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._started = Counter(
            "grpc_server_started_total", "RPCs begun.", _LABELS, registry=registry
        )
        self._handled = Counter(
            "grpc_server_handled_total",
            "RPCs ended, by status code.",
            (*_LABELS, "grpc_code"),
            registry=registry,
        )
        self._handling = Histogram(
            "grpc_server_handling_seconds",
            "Time from begin to end of an RPC; for a stream, how long it was open.",
            _LABELS,
            registry=registry,
        )

    def started(self, rpc: Rpc) -> None:
        """Count an RPC that begins."""
        self._started.labels(rpc.kind, rpc.service, rpc.method).inc()

    def finished(self, rpc: Rpc, outcome: Outcome) -> None:
        """Count and time an RPC that has ended."""
        labels = (rpc.kind, rpc.service, rpc.method)
        self._handled.labels(*labels, code_name(outcome.code)).inc()
        self._handling.labels(*labels).observe(outcome.seconds)
