"""Keeps tenants within their limits before anything is done for them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from typing import Any

from memory_service.domain.errors import QuotaExceeded, RateExceeded
from memory_service.domain.limits import Quota
from memory_service.settings import MemorySettings
from memory_service.store.accounts import tenant_usage
from memory_service.store.rates import RequestRates, StreamPlaces
from service_kit.auth import current_identity
from service_kit.interceptors.around import AroundInterceptor, Context, Proceed, Rpc

ADDS = frozenset(
    {
        *("AppendMessages", "PutWorkingMemory", "CreateMemories", "UpdateMemory"),
        *("RestoreMemory", "ImportMemories", "CallTool"),
    }
)
"""RPCs with which a tenant may come to have more, but for a session made by reading it."""

LOOK_SECONDS = 5.0
"""How old what is known of a tenant's use may be."""


class TenantQuota:
    """What a tenant may have in all, against what it had a few seconds ago."""

    def __init__(
        self,
        usage: Callable[[str], Awaitable[Quota]],
        quota: Quota,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._usage = usage
        self._quota = quota
        self._clock = clock
        self._known: dict[str, tuple[float, Quota]] = {}

    async def check(self, tenant: str) -> None:
        """Raise QuotaExceeded if the tenant had as much as it may have. Raises StoreUnavailable."""
        now = self._clock()
        looked, used = self._known.get(tenant, (float("-inf"), Quota()))
        if now - looked >= LOOK_SECONDS:
            # Noted first: of calls at the same time, one looks.
            self._known[tenant] = (now, used)
            used = await self._usage(tenant)
            self._known[tenant] = (now, used)
        if limit := self._quota.reached(used):
            raise QuotaExceeded(limit)


class TenantLimitsInterceptor(AroundInterceptor):
    """Belongs inside those for identity, access, and the domain's errors."""

    def __init__(
        self,
        rates: RequestRates | None,
        places: StreamPlaces | None,
        quota: TenantQuota | None,
    ) -> None:
        """None is no limit."""
        self._rates = rates
        self._places = places
        self._quota = quota

    async def around(self, rpc: Rpc, proceed: Proceed, request: Any, context: Context) -> Any:
        """Handle one RPC that the tenant may make now."""
        if rpc.is_infrastructure:
            return await proceed(request, context)
        tenant = current_identity().tenant
        if self._rates is not None:
            await self._rates.admit(tenant)
        if self._quota is not None and rpc.method in ADDS:
            await self._quota.check(tenant)
        if rpc.kind in {"client_stream", "bidi_stream"}:
            request = self._paced(tenant, request)
        if self._places is None or rpc.kind == "unary":
            return await proceed(request, context)
        async with self._places.place(tenant):
            return await proceed(request, context)

    async def _paced(self, tenant: str, requests: AsyncIterator[Any]) -> AsyncIterator[Any]:
        """Take each request of a stream as one; those that come too fast wait."""
        first = True
        async for request in requests:
            if not first and self._rates is not None:
                await _patiently(self._rates, tenant)
            if not first and self._quota is not None:
                await self._quota.check(tenant)
            first = False
            yield request


async def _patiently(rates: RequestRates, tenant: str) -> None:
    while True:
        try:
            await rates.admit(tenant)
        except RateExceeded as error:
            await asyncio.sleep(error.seconds)
        else:
            return


def tenant_limits(settings: MemorySettings, redis: Any) -> TenantLimitsInterceptor:
    """Return the interceptor that the settings ask for."""
    rate, streams = settings.tenant_requests_per_second, settings.tenant_max_streams
    burst = settings.tenant_burst or max(1, round(2 * rate)) if rate else 1
    quota = settings.tenant_quota
    return TenantLimitsInterceptor(
        RequestRates(redis, rate=rate, burst=burst) if rate else None,
        StreamPlaces(redis, most=streams) if streams else None,
        TenantQuota(partial(tenant_usage, redis), quota) if quota.limits else None,
    )
