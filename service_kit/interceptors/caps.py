"""Bounds what is handled at once, so that no method takes all, and health always has its turn."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

import grpc

from service_kit.errors import ServiceError
from service_kit.interceptors.around import AroundInterceptor, Context, Proceed, Rpc

_RETRY_AFTER = timedelta(seconds=1)


MOST_PROBES = 10_000
"""Health checks and calls of reflection at once: a client may keep a watch of its server's health
open on each of its connections."""


class CapsInterceptor(AroundInterceptor):
    """Answers RESOURCE_EXHAUSTED / OVERLOADED beyond `total` RPCs, or a method's share of them.

    Health checks and reflection are counted apart. Belongs inside the errors interceptor.
    """

    def __init__(self, total: int, share: float, *, probes: int = MOST_PROBES) -> None:
        self._total = total
        self._of_method = max(1, int(total * share))
        self._most_probes = probes
        self._running: Counter[str] = Counter()
        self._probing = 0

    async def around(self, rpc: Rpc, proceed: Proceed, request: Any, context: Context) -> Any:
        """Handle one RPC if there is room for it."""
        if rpc.is_infrastructure:
            return await self._probe(proceed, request, context)
        name = f"{rpc.service}/{rpc.method}"
        if self._running.total() >= self._total or self._running[name] >= self._of_method:
            raise _overloaded()
        self._running[name] += 1
        try:
            return await proceed(request, context)
        finally:
            self._running[name] -= 1

    async def _probe(self, proceed: Proceed, request: Any, context: Context) -> Any:
        if self._probing >= self._most_probes:
            raise _overloaded()
        self._probing += 1
        try:
            return await proceed(request, context)
        finally:
            self._probing -= 1


def _overloaded() -> ServiceError:
    return ServiceError(
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        "OVERLOADED",
        "too many calls are being handled",
        retry_after=_RETRY_AFTER,
    )
