"""Caches show what they count for themselves."""

from __future__ import annotations

from functools import lru_cache

from prometheus_client import CollectorRegistry

from memory_service.cache_metrics import CACHES, CacheMetrics


@lru_cache(maxsize=2)
def doubled(n: int) -> int:
    return 2 * n


def test_hits_misses_and_entries_of_each_cache_are_shown_as_they_are_now() -> None:
    registry = CollectorRegistry()
    CacheMetrics(registry, {"doubled": doubled})
    doubled.cache_clear()
    for n in (1, 1, 1, 2):
        doubled(n)
    assert lookups(registry, "doubled", "hit") == 2
    assert lookups(registry, "doubled", "miss") == 2
    assert registry.get_sample_value("memory_cache_entries", {"cache": "doubled"}) == 2


def test_the_caches_that_rpcs_pass_through_are_shown() -> None:
    registry = CollectorRegistry()
    CacheMetrics(registry)
    assert {"owner_path", "owner_tag", "stem", "prefix_tags"} == set(CACHES)
    assert all(lookups(registry, name, "hit") is not None for name in CACHES)


def lookups(registry: CollectorRegistry, cache: str, outcome: str) -> float | None:
    labels = {"cache": cache, "outcome": outcome}
    return registry.get_sample_value("memory_cache_lookups_total", labels)
