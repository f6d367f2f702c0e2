"""Server interceptors, one a file, and the order they belong in."""

from __future__ import annotations

import grpc.aio
from prometheus_client import CollectorRegistry

from service_kit.access import Rules
from service_kit.auth import Authenticator
from service_kit.interceptors.access import AccessInterceptor
from service_kit.interceptors.caps import CapsInterceptor
from service_kit.interceptors.errors import ErrorsInterceptor
from service_kit.interceptors.identity import IdentityInterceptor
from service_kit.interceptors.logging import AccessLog
from service_kit.interceptors.metrics import RpcMetrics
from service_kit.interceptors.observing import ObservingInterceptor
from service_kit.interceptors.parsing import ParsingInterceptor
from service_kit.interceptors.stalls import StallsInterceptor
from service_kit.settings import ServerSettings

__all__ = [
    "AccessInterceptor",
    "AccessLog",
    "CapsInterceptor",
    "ErrorsInterceptor",
    "IdentityInterceptor",
    "ObservingInterceptor",
    "ParsingInterceptor",
    "RpcMetrics",
    "StallsInterceptor",
    "standard_interceptors",
]


def standard_interceptors(
    registry: CollectorRegistry,
    authenticator: Authenticator,
    rules: Rules,
    settings: ServerSettings,
) -> list[grpc.aio.ServerInterceptor]:
    """All of them, outermost first: the observers see the code that the errors were given."""
    return [
        ObservingInterceptor([AccessLog(), RpcMetrics(registry)]),
        ErrorsInterceptor(),
        CapsInterceptor(settings.max_concurrent_rpcs, settings.max_method_share),
        IdentityInterceptor(authenticator),
        StallsInterceptor(unread=settings.slow_reader_seconds, silent=settings.silent_seconds),
        ParsingInterceptor(),
        AccessInterceptor(rules),
    ]
