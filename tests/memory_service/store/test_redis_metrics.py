"""Round trips to Redis are timed by command, and no argument becomes a label."""

from __future__ import annotations

import asyncio

import pytest
from prometheus_client import CollectorRegistry
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from memory_service.store.connection import connect
from memory_service.store.redis_metrics import RedisMetrics
from tests.support.waiting import wait_until


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
async def client(bare_redis: Redis, redis_url: str, registry: CollectorRegistry):
    async with connect(redis_url, max_connections=3, metrics=RedisMetrics(registry)) as client:
        yield client


def count(registry: CollectorRegistry, command: str, *, pipelined: bool = False) -> float:
    labels = {"command": command, "pipelined": str(pipelined).lower()}
    return registry.get_sample_value("memory_redis_command_seconds_count", labels) or 0.0


def errors(registry: CollectorRegistry, kind: str) -> float | None:
    return registry.get_sample_value("memory_redis_errors_total", {"error": kind})


async def test_commands_and_scripts_are_timed(client: Redis, registry: CollectorRegistry):
    script = client.register_script("return redis.call('GET', KEYS[1])")
    await client.ping()
    await script(keys=["am:schema"])
    await script(keys=["am:schema"])
    assert count(registry, "ping") == 1
    await wait_until(lambda: count(registry, "evalsha") >= 2, "both calls are told of")


async def test_a_pipeline_counts_once_as_its_first_command(
    client: Redis, registry: CollectorRegistry
):
    for transaction in (True, False):
        async with client.pipeline(transaction=transaction) as pipe:
            pipe.hget("am:schema", "x")
            pipe.get("am:x")
            assert await pipe.execute() == [None, None]
    async with client.pipeline() as pipe:
        assert await pipe.execute() == []
    await wait_until(lambda: count(registry, "hget", pipelined=True) == 2, "both are told of")
    assert count(registry, "get", pipelined=True) == 0


async def test_errors_are_counted_by_kind_alone(client: Redis, registry: CollectorRegistry):
    with pytest.raises(ResponseError):
        await client.execute_command("HGET", "secret")
    await wait_until(lambda: errors(registry, "ResponseError") == 1, "the error is told of")
    labels = [s.labels for family in registry.collect() for s in family.samples]
    assert "secret" not in str(labels)


async def test_connections_are_shown_as_they_are(client: Redis, registry: CollectorRegistry):
    def shown(state: str) -> float | None:
        return registry.get_sample_value("memory_redis_connections", {"state": state})

    assert registry.get_sample_value("memory_redis_connections_max") == 3
    waiting = asyncio.create_task(client.blpop(["am:x"], timeout=30))
    await wait_until(lambda: bool(shown("used")), "a connection is used")
    assert (shown("used"), shown("idle")) == (1, 0)
    await client.ping()
    assert (shown("used"), shown("idle")) == (1, 1)
    waiting.cancel()
    await asyncio.wait([waiting])
