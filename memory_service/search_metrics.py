"""Where the time of a search goes, and how often it has to do without meaning."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Histogram

from service_kit.stopwatch import Stopwatch

_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)


class SearchMetrics:
    """The metrics of search in one registry; without one they are kept for nobody."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        """Register them; a registry takes them once."""
        self.searches = Counter(
            "memory_searches_total",
            "Searches by mode, and whether a hybrid one found by words alone.",
            ("mode", "degraded"),
            registry=registry,
        )
        self.stages = Histogram(
            "memory_search_stage_seconds",
            "Time that a stage of a search took: embed (the query's vector), words (Redis, beside "
            "it), meaning (Redis), rank.",
            ("stage",),
            buckets=_SECONDS,
            registry=registry,
        )

    def stage(self, name: str) -> Stopwatch:
        """Take the time of a stage."""
        return Stopwatch(lambda seconds, _: self.stages.labels(name).observe(seconds))

    def searched(self, mode: str, *, degraded: bool) -> None:
        """Count a search."""
        self.searches.labels(mode, str(degraded).lower()).inc()
