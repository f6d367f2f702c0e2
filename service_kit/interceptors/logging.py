"""One line an RPC: which method, how it ended, how long it took. Nothing of its content."""

from __future__ import annotations

import logging

from service_kit.interceptors.around import Rpc
from service_kit.interceptors.metrics import code_name
from service_kit.interceptors.observing import Outcome

ACCESS = "service_kit.access"
"""The logger of the access log."""

_log = logging.getLogger(ACCESS)


class AccessLog:
    """Writes the access log; health checks and reflection only at DEBUG, for probes never stop."""

    def started(self, rpc: Rpc) -> None:
        """Do nothing: a line tells of an RPC that has ended."""

    def finished(self, rpc: Rpc, outcome: Outcome) -> None:
        """Log an RPC that has ended."""
        _log.log(
            logging.DEBUG if rpc.is_infrastructure else logging.INFO,
            "rpc",
            extra={
                "grpc_service": rpc.service,
                "grpc_method": rpc.method,
                "grpc_type": rpc.kind,
                "grpc_code": code_name(outcome.code),
                "duration_ms": round(outcome.seconds * 1000, 3),
                "peer_kind": outcome.peer_kind,
            },
        )
