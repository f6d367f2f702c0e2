"""All that a database holds, so that two moments can be compared."""

from __future__ import annotations

from typing import Any

from redis.asyncio import Redis

USES = b"am:used:"
"""Noted some seconds after a search, so it may be of a call before."""


async def snapshot(redis: Redis, *, without: bytes = USES) -> dict[bytes, Any]:
    """Return every key with its content, `without` those that begin so."""
    found = [key async for key in redis.scan_iter(count=1000)]
    keys = sorted(key for key in found if not (without and key.startswith(without)))
    async with redis.pipeline(transaction=True) as pipe:
        for key in keys:
            pipe.type(key)
        types = await pipe.execute()
    async with redis.pipeline(transaction=True) as pipe:
        for key, type_ in zip(keys, types, strict=True):
            _read(pipe, key, type_.decode())
        contents = await pipe.execute()
    return dict(zip(keys, contents, strict=True))


def _read(pipe: Any, key: bytes, type_: str) -> None:
    match type_:
        case "hash":
            pipe.hgetall(key)
        case "stream":
            pipe.xrange(key)
        case "zset":
            pipe.zrange(key, 0, -1, withscores=True)
        case "set":
            pipe.smembers(key)
        case _:
            pipe.get(key)
