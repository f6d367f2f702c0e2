"""What waits in Redis, shown by every replica alike: take the largest, never the sum."""

from __future__ import annotations

import asyncio
import logging

from prometheus_client import CollectorRegistry, Gauge
from redis.asyncio import Redis

from memory_service.cancellation import check_cancelled
from memory_service.going_on import going_on
from memory_service.store.backlog import read_backlog, read_index

logger = logging.getLogger(__name__)

EVERY_SECONDS = 5.0


class BacklogMetrics:
    """Looks regularly, so that a scrape waits for nothing."""

    def __init__(self, redis: Redis, index: str, registry: CollectorRegistry) -> None:
        """Register the gauges; a registry takes them once."""
        self._redis = redis
        self._index = index
        self._notices = _gauge(
            registry,
            "memory_delta_lag_notices",
            "Notices of appended messages that are not dealt with, over all replicas.",
        )
        self._oldest = _gauge(
            registry, "memory_delta_lag_seconds", "Age of the oldest such notice; 0 if none waits."
        )
        self._dead = _gauge(
            registry, "memory_dead_letters", "Message ranges that were given up and wait for care."
        )
        self._unembedded = _gauge(
            registry, "memory_unembedded_memories", "Memories that wait for their vector."
        )
        self._memories = _gauge(registry, "memory_index_memories", "Memories in the index.")
        self._bytes = _gauge(
            registry, "memory_index_bytes", "Memory that the index takes, as the engine adds it up."
        )
        self._vector_bytes = _gauge(
            registry,
            "memory_index_vector_bytes",
            "Memory that the vectors take in it, which not every engine adds to that.",
        )
        self._failures = _gauge(
            registry,
            "memory_index_failures",
            "Memories that the index has refused, which no search finds; any at all is a defect.",
        )

    async def run(self) -> None:
        """Look until cancelled; while Redis is away the last answers stay."""
        while True:
            check_cancelled()
            with going_on(logger, "the backlog cannot be read"):
                await self.look()
            await asyncio.sleep(EVERY_SECONDS)

    async def look(self) -> None:
        """Look once. Raises StoreUnavailable."""
        backlog = await read_backlog(self._redis)
        self._notices.set(backlog.notices)
        self._oldest.set(backlog.oldest)
        self._dead.set(backlog.dead_letters)
        self._unembedded.set(backlog.unembedded)
        index = await read_index(self._redis, self._index)
        self._memories.set(index.memories)
        self._bytes.set(index.bytes)
        self._vector_bytes.set(index.vector_bytes)
        self._failures.set(index.failures)


def _gauge(registry: CollectorRegistry, name: str, documentation: str) -> Gauge:
    return Gauge(name, documentation, registry=registry)
