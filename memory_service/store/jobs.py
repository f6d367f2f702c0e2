"""Requests that need more than one write: what they have done, counted by the writes themselves.

A call that was broken off goes on where it was, on whatever server, and counts all of it. Once the
request has its answer, which is remembered as any other, the record is gone.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, cast

from redis.asyncio import Redis

from memory_service.domain.errors import RequestIdReused
from memory_service.domain.owner import Owner
from memory_service.domain.requests import Job, RequestKey
from memory_service.store.keys import OwnerKeys
from memory_service.store.requests import KEPT_SECONDS

SAMPLE = 100
"""How many ids are kept as a sample at most."""


def job_argument(
    owner: Owner, request: RequestKey | None, job: Job, ids: Sequence[str]
) -> dict[str, Any] | None:
    """Return the script argument `job`, for a write that is a part of it and does it for `ids`."""
    if request is None:
        return None
    return {
        "key": OwnerKeys(owner).job(request.method, request.id),
        "began": str(job.began),
        "sample": json.dumps(list(ids[:SAMPLE])),
        "ttl": KEPT_SECONDS,
    }


async def read_job(redis: Redis, owner: Owner, request: RequestKey) -> Job | None:
    """Return how far a request has come, None if it has not begun. Raises RequestIdReused."""
    key = OwnerKeys(owner).job(request.method, request.id)
    found = await redis.hmget(key, ["hash", "began", "done", "sample"])
    arguments, began, done, sample = cast(list[bytes | None], found)
    if arguments is None:
        return None
    if arguments.decode() != request.arguments:
        raise RequestIdReused
    return Job(int(began or 0), int(done or 0), tuple(json.loads(sample or b"[]")))
