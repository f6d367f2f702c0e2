from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from redis.asyncio import Redis

from memory_service.domain.errors import QuotaExceeded
from memory_service.domain.limits import UNLIMITED, Quota
from memory_service.settings import MemorySettings
from memory_service.store.rates import RequestRates
from memory_service.tenant_limits import (
    LOOK_SECONDS,
    TenantLimitsInterceptor,
    TenantQuota,
    tenant_limits,
)
from service_kit.auth import Identity, acting_as
from service_kit.interceptors.around import Rpc

SERVICE = "agentmemory.v1.MemoryService"
IMPORT = Rpc(SERVICE, "ImportMemories", "bidi_stream")
CREATE = Rpc(SERVICE, "CreateMemories", "unary")
GET = Rpc(SERVICE, "GetMemory", "unary")


class Usage:
    """What a tenant has, and how often that was asked for."""

    def __init__(self, used: Quota) -> None:
        self.used = used
        self.asked = 0
        self.now = 0.0

    async def of(self, tenant: str) -> Quota:
        self.asked += 1
        return self.used

    def within(self, quota: Quota) -> TenantQuota:
        return TenantQuota(self.of, quota, clock=lambda: self.now)


async def handled(interceptor: TenantLimitsInterceptor, rpc: Rpc, request: Any = None) -> Any:
    async def proceed(request: Any, context: Any) -> Any:
        return [each async for each in request] if rpc is IMPORT else "handled"

    with acting_as(Identity("acme", "bot")):
        return await interceptor.around(rpc, proceed, request, None)  # type: ignore[arg-type]


async def requests(number: int) -> AsyncIterator[int]:
    for each in range(number):
        yield each


@pytest.mark.parametrize(
    ("used", "limit"),
    [
        (Quota(9, 9, 9), None),
        (Quota(10, 0, 0), "memories"),
        (Quota(0, 11, 0), "bytes"),
        (Quota(0, 0, 10), "sessions"),
    ],
)
async def test_a_tenant_that_is_full_adds_nothing_and_still_reads(
    used: Quota, limit: str | None
) -> None:
    interceptor = TenantLimitsInterceptor(None, None, Usage(used).within(Quota(10, 10, 10)))
    assert await handled(interceptor, GET) == "handled"
    if limit is None:
        assert await handled(interceptor, CREATE) == "handled"
        return
    with pytest.raises(QuotaExceeded) as raised:
        await handled(interceptor, CREATE)
    assert raised.value.limit == limit


async def test_a_tenants_use_is_looked_at_every_few_seconds() -> None:
    usage = Usage(Quota(1, 0, 0))
    interceptor = TenantLimitsInterceptor(None, None, usage.within(Quota(memories=2)))
    for _ in range(5):
        await handled(interceptor, CREATE)
    assert usage.asked == 1
    usage.used = Quota(2, 0, 0)
    await handled(interceptor, CREATE)
    usage.now += LOOK_SECONDS
    with pytest.raises(QuotaExceeded):
        await handled(interceptor, CREATE)


async def test_requests_of_a_stream_that_come_too_fast_wait(redis: Redis) -> None:
    rates = RequestRates(redis, rate=50, burst=2)
    interceptor = TenantLimitsInterceptor(rates, None, None)
    assert await handled(interceptor, IMPORT, requests(6)) == list(range(6))
    assert rates.round_trips > 2


async def test_an_import_ends_when_its_tenant_is_full() -> None:
    usage = Usage(Quota(0, 0, 0))
    interceptor = TenantLimitsInterceptor(None, None, usage.within(Quota(memories=2)))

    async def growing() -> AsyncIterator[int]:
        yield 1
        usage.used = Quota(2, 0, 0)
        usage.now += LOOK_SECONDS
        yield 2

    with pytest.raises(QuotaExceeded):
        await handled(interceptor, IMPORT, growing())


async def test_by_default_there_are_no_limits(redis: Redis) -> None:
    settings = MemorySettings(_env_file=None)  # type: ignore[call-arg]
    assert settings.owner_quota == settings.tenant_quota == UNLIMITED
    interceptor = tenant_limits(settings, redis)
    for _ in range(10):
        assert await handled(interceptor, CREATE) == "handled"
    assert [key async for key in redis.scan_iter(match="am:rate:*")] == []
