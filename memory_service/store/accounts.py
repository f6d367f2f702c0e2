"""What owners and tenants have: counted by the scripts that write, so that it is always exact.

An owner's numbers are in its state. A tenant's are spread over the partitions, each beside the
owners of the tenant that live there, and have to be added up.
"""

from __future__ import annotations

from typing import Any

from redis.asyncio import Redis

from memory_service.domain.errors import QuotaExceeded
from memory_service.domain.limits import Quota
from memory_service.store.keys import PARTITIONS, usage_key
from memory_service.store.scripts import Reply

_NAMES = ("memories", "bytes", "sessions")


async def tenant_usage(redis: Redis, tenant: str) -> Quota:
    """Return how much a tenant has, all its owners together. 256 reads, in one round trip."""
    async with redis.pipeline(transaction=False) as pipe:
        for partition in range(PARTITIONS):
            pipe.hmget(usage_key(partition, tenant), _NAMES)
        rows: list[Any] = await pipe.execute()
    return Quota(*(sum(int(value or 0) for value in column) for column in zip(*rows, strict=True)))


def refuse_over_quota(reply: Reply) -> None:
    """Raise QuotaExceeded if that is what a script answered."""
    if reply.status == "quota_exceeded":
        raise QuotaExceeded(reply.value.decode())
