"""All that MemoryService measures beside its RPCs, in one registry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from prometheus_client import CollectorRegistry

from memory_service.cache_metrics import CacheMetrics
from memory_service.embedding_metrics import EmbeddingMetrics
from memory_service.extraction_metrics import ExtractionMetrics
from memory_service.search_metrics import SearchMetrics
from memory_service.store.redis_metrics import RedisMetrics


@dataclass(frozen=True, slots=True)
class Metrics:
    """The metrics of the parts, which each of them gets when it is made."""

    registry: CollectorRegistry
    redis: RedisMetrics
    embedding: EmbeddingMetrics
    extraction: ExtractionMetrics
    search: SearchMetrics
    caches: CacheMetrics

    @classmethod
    def of(cls, registry: CollectorRegistry) -> Self:
        """Register all of them; a registry takes them once."""
        return cls(
            registry,
            RedisMetrics(registry),
            EmbeddingMetrics(registry),
            ExtractionMetrics(registry),
            SearchMetrics(registry),
            CacheMetrics(registry),
        )
