"""How vectors are got from the extractor."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Histogram

from service_kit.stopwatch import Stopwatch

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5)


class EmbeddingMetrics:
    """The metrics of embedding in one registry; without one they are kept for nobody."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        """Register them; a registry takes them once."""
        self.calls = Counter(
            "memory_embed_calls_total",
            "Calls for vectors by purpose (query, document) and outcome: ok, model (of another "
            "model), shape, or the status code.",
            ("purpose", "outcome"),
            registry=registry,
        )
        self.seconds = Histogram(
            "memory_embed_seconds",
            "Time that a call for vectors took, by purpose.",
            ("purpose",),
            buckets=_SECONDS,
            registry=registry,
        )

    def timed(self, purpose: str) -> Stopwatch:
        """Take the time of a call."""
        return Stopwatch(lambda seconds, _: self.seconds.labels(purpose).observe(seconds))
