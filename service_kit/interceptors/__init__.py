"""Server interceptors, one a file, and the order they belong in."""

from __future__ import annotations

import grpc.aio
from prometheus_client import CollectorRegistry

from service_kit.auth import Authenticator
from service_kit.interceptors.errors import ErrorsInterceptor
from service_kit.interceptors.identity import IdentityInterceptor
from service_kit.interceptors.logging import LoggingInterceptor
from service_kit.interceptors.metrics import MetricsInterceptor
from service_kit.interceptors.parsing import ParsingInterceptor

__all__ = [
    "ErrorsInterceptor",
    "IdentityInterceptor",
    "LoggingInterceptor",
    "MetricsInterceptor",
    "ParsingInterceptor",
    "standard_interceptors",
]


def standard_interceptors(
    registry: CollectorRegistry, authenticator: Authenticator
) -> list[grpc.aio.ServerInterceptor]:
    """All of them, outermost first: the observers see the code that the errors were given."""
    return [
        LoggingInterceptor(),
        MetricsInterceptor(registry),
        ErrorsInterceptor(),
        IdentityInterceptor(authenticator),
        ParsingInterceptor(),
    ]
