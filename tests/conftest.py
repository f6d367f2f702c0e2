"""One embedded Redis for all tests, and an empty database for each."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from memory_service.embedded import EmbeddedRedis
from memory_service.store import schema
from memory_service.store.connection import connect
from tests.support.redis import DIMENSION, leaks


@pytest.fixture(scope="session")
async def redis_url() -> AsyncIterator[str]:
    with tempfile.TemporaryDirectory(prefix="am-test-") as directory:
        async with EmbeddedRedis(Path(directory)) as embedded:
            yield embedded.url


@pytest.fixture
async def bare_redis(redis_url: str) -> AsyncIterator[Redis]:
    """An empty database without an index."""
    client = connect(redis_url)
    try:
        await client.flushall()
        yield client
        assert await leaks(client) == []
    finally:
        await client.aclose()


@pytest.fixture
async def redis(bare_redis: Redis) -> Redis:
    """An empty database with an index for vectors of length DIMENSION."""
    await schema.ensure(bare_redis, dimension=DIMENSION)
    return bare_redis
