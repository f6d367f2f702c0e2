"""Remembered answers: what a script needs to tell a repeat from a new request."""

from __future__ import annotations

from typing import Any, cast

from redis.asyncio import Redis

from memory_service.domain.errors import RequestIdReused
from memory_service.domain.owner import Owner
from memory_service.domain.requests import RequestKey
from memory_service.store.keys import OwnerKeys

KEPT_SECONDS = 24 * 3600


def request_argument(owner: Owner, request: RequestKey | None) -> dict[str, Any] | None:
    """Return the script argument `request`, or None without a request id."""
    if request is None:
        return None
    key = OwnerKeys(owner).request(request.method, request.id)
    return {"key": key, "hash": request.arguments, "ttl": KEPT_SECONDS}


async def remembered(redis: Redis, owner: Owner, request: RequestKey | None) -> bytes | None:
    """Return the first answer to a repeated request, None to a new one.

    Spares a repeat the work before its script, which decides again. Raises RequestIdReused.
    """
    if request is None:
        return None
    key = OwnerKeys(owner).request(request.method, request.id)
    arguments, answer = cast(list[bytes | None], await redis.hmget(key, ["hash", "answer"]))
    if arguments is None:
        return None
    if arguments.decode() != request.arguments:
        raise RequestIdReused
    return answer
