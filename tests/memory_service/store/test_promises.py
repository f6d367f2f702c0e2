from __future__ import annotations

import pytest
from redis.asyncio import Redis
from redis.exceptions import ReadOnlyError

from memory_service.store.keys import PROBE
from memory_service.store.probes import answers, takes_writes
from memory_service.store.promises import weaknesses


async def test_a_redis_that_keeps_what_it_is_given_has_no_weakness(bare_redis: Redis) -> None:
    assert await weaknesses(bare_redis) == []


async def test_a_redis_that_evicts_or_keeps_no_file_is_said_to(bare_redis: Redis) -> None:
    await bare_redis.config_set("maxmemory-policy", "allkeys-lru")
    await bare_redis.config_set("appendonly", "no")
    try:
        evicts, forgets = await weaknesses(bare_redis)
    finally:
        await bare_redis.config_set("maxmemory-policy", "noeviction")
        await bare_redis.config_set("appendonly", "yes")
    assert "allkeys-lru" in evicts
    assert "append-only" in forgets


async def test_a_replica_answers_takes_no_writes_and_is_left(bare_redis: Redis) -> None:
    assert await takes_writes(bare_redis)
    assert 0 < await bare_redis.ttl(PROBE) <= 3600
    await bare_redis.replicaof("127.0.0.1", "1")
    try:
        assert await answers(bare_redis)
        with pytest.raises(ReadOnlyError):
            await takes_writes(bare_redis)
        pool = bare_redis.connection_pool
        assert not [c for c in pool._available_connections if c.is_connected]
    finally:
        await bare_redis.replicaof("NO", "ONE")
