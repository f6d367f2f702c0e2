"""A client of Redis that measures what it asks."""

from __future__ import annotations

from typing import Any

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.client import Pipeline

from memory_service.store.redis_metrics import RedisMetrics


class MeasuredRedis(Redis):
    """The client as it is, with the time of every round trip taken."""

    metrics: RedisMetrics

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        """As the client's own."""
        with self.metrics.timed(command_name(args)):
            return await super().execute_command(*args, **options)  # type: ignore[no-untyped-call]

    def pipeline(self, transaction: bool = True, shard_hint: str | None = None) -> Pipeline:
        """As the client's own."""
        pipeline = MeasuredPipeline(
            self.connection_pool, self.response_callbacks, transaction, shard_hint
        )
        pipeline.metrics = self.metrics
        return pipeline


class MeasuredPipeline(Pipeline):
    """Commands that are sent together."""

    metrics: RedisMetrics

    async def execute(self, raise_on_error: bool = True) -> list[Any]:
        """As the pipeline's own."""
        if not self.command_stack:
            return await super().execute(raise_on_error)
        with self.metrics.timed(command_name(self.command_stack[0][0]), pipelined=True):
            return await super().execute(raise_on_error)


def command_name(arguments: Any) -> str:
    """The name of a command of ours, never an argument."""
    return str(arguments[0]).lower()


def measured(pool: BlockingConnectionPool, metrics: RedisMetrics) -> Redis:
    """Return a client that uses the pool, and closes it."""
    client = MeasuredRedis(connection_pool=pool)
    client.auto_close_connection_pool = True
    client.metrics = metrics
    return client
