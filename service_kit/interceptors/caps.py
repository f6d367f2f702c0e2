"""Bounds what is handled at once, so that no method takes all, and health always has its turn."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

import grpc

from service_kit.errors import ServiceError
from service_kit.interceptors.around import AroundInterceptor, Context, Proceed, Rpc

_RETRY_AFTER = timedelta(seconds=1)


class CapsInterceptor(AroundInterceptor):
    """Answers RESOURCE_EXHAUSTED / OVERLOADED beyond `total` RPCs, or a method's share of them.

    Health checks and reflection are not counted. Belongs inside the errors interceptor.
    """

    def __init__(self, total: int, share: float) -> None:
        self._total = total
        self._of_method = max(1, int(total * share))
        self._running: Counter[str] = Counter()

    async def around(self, rpc: Rpc, proceed: Proceed, request: Any, context: Context) -> Any:
        """Handle one RPC if there is room for it."""
        if rpc.is_infrastructure:
            return await proceed(request, context)
        name = f"{rpc.service}/{rpc.method}"
        if self._running.total() >= self._total or self._running[name] >= self._of_method:
            raise ServiceError(
                grpc.StatusCode.RESOURCE_EXHAUSTED,
                "OVERLOADED",
                "too many calls are being handled",
                retry_after=_RETRY_AFTER,
            )
        self._running[name] += 1
        try:
            return await proceed(request, context)
        finally:
            self._running[name] -= 1
