"""A client of Redis whose commands are part of the trace of what asks for them.

Ours, because opentelemetry-instrumentation-redis 0.66b2 puts what Redis says of an error, which may
quote what was searched for, into spans, and names a pipeline by all its commands.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.client import Pipeline

from memory_service.store.measured import MeasuredPipeline, MeasuredRedis, command_name
from memory_service.store.redis_metrics import RedisMetrics

Trip = Callable[[str, int], AbstractContextManager[None]]
"""Goes around a round trip: the name of its first command, never an argument, and how many."""


class TracedRedis(MeasuredRedis):
    """The client as it is, with a span around every round trip."""

    trip: Trip

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        """As the client's own."""
        with self.trip(command_name(args), 1):
            return await super().execute_command(*args, **options)

    def pipeline(self, transaction: bool = True, shard_hint: str | None = None) -> Pipeline:
        """As the client's own."""
        pipeline = TracedPipeline(
            self.connection_pool, self.response_callbacks, transaction, shard_hint
        )
        pipeline.metrics = self.metrics
        pipeline.trip = self.trip
        return pipeline


class TracedPipeline(MeasuredPipeline):
    """Commands that are sent together."""

    trip: Trip

    async def execute(self, raise_on_error: bool = True) -> list[Any]:
        """As the pipeline's own."""
        if not self.command_stack:
            return await super().execute(raise_on_error)
        with self.trip(command_name(self.command_stack[0][0]), len(self.command_stack)):
            return await super().execute(raise_on_error)


def traced(pool: BlockingConnectionPool, metrics: RedisMetrics, trip: Trip) -> Redis:
    """Return a client that uses the pool, and closes it."""
    client = TracedRedis(connection_pool=pool)
    client.auto_close_connection_pool = True
    client.metrics = metrics
    client.trip = trip
    return client
