"""How often what was computed before is found again, as each cache counts for itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Protocol

from prometheus_client import CollectorRegistry, Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from memory_service.domain import lexical
from memory_service.store import keys, prefixes


class Counts(Protocol):
    """What `functools.lru_cache` says of itself."""

    @property
    def hits(self) -> int:
        """Look-ups that were answered from the cache."""

    @property
    def misses(self) -> int:
        """Those that were not."""

    @property
    def currsize(self) -> int:
        """How many answers it keeps."""


class Cache(Protocol):
    """Anything that counts as `functools.lru_cache` does."""

    def cache_info(self) -> Counts:
        """Return what was counted so far."""


CACHES: Mapping[str, Cache] = {
    "owner_path": keys.owner_path,
    "owner_tag": keys.owner_tag,
    "stem": lexical.stem_of,
    "prefix_tags": prefixes.tags_of_prefixes,
}
"""Those that every process has, and that RPCs pass through."""


class CacheMetrics(Collector):
    """Reads the caches' own counts when somebody looks: a look-up costs nothing more."""

    def __init__(
        self, registry: CollectorRegistry | None = None, caches: Mapping[str, Cache] = CACHES
    ) -> None:
        """Register; a registry takes it once."""
        self._caches = dict(caches)
        if registry is not None:
            registry.register(self)

    def watch(self, name: str, cache: Cache) -> None:
        """Tell of this cache, too."""
        self._caches[name] = cache

    def collect(self) -> Iterator[Metric]:
        """Yield the counts and the sizes of all caches."""
        lookups = CounterMetricFamily(
            "memory_cache_lookups",
            "Look-ups in caches of this process by outcome: hit, miss.",
            labels=("cache", "outcome"),
        )
        entries = GaugeMetricFamily(
            "memory_cache_entries", "Answers that a cache keeps.", labels=("cache",)
        )
        for name, cache in self._caches.items():
            counts = cache.cache_info()
            lookups.add_metric((name, "hit"), counts.hits)
            lookups.add_metric((name, "miss"), counts.misses)
            entries.add_metric((name,), counts.currsize)
        yield lookups
        yield entries
