"""What reranking measures."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class RerankMetrics:
    """The reranking metrics of one registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Register them; a registry takes them once."""
        self.calls = Counter(
            "extractor_reranks",
            "Calls by outcome: ok, late (refused for their deadline), overloaded, failed, "
            "unavailable, cancelled, internal.",
            ["outcome"],
            registry=registry,
        )
        self.call_seconds = Histogram(
            "extractor_rerank_seconds",
            "Time that a call took, waiting included.",
            buckets=_SECONDS,
            registry=registry,
        )
        self.batch_size = Histogram(
            "extractor_rerank_batch_size",
            "Texts in a batch.",
            buckets=(1, 2, 4, 8, 16, 32, 64, 128),
            registry=registry,
        )
        self.batch_tokens = Histogram(
            "extractor_rerank_batch_tokens",
            "Estimated tokens in a batch, padding included.",
            buckets=(32, 64, 128, 256, 512, 1024, 4096, 16384),
            registry=registry,
        )
        self.queue_seconds = Histogram(
            "extractor_rerank_queue_seconds",
            "Time that a call waited before its first batch began.",
            buckets=_SECONDS,
            registry=registry,
        )
        self.inference_seconds = Histogram(
            "extractor_rerank_inference_seconds",
            "Time that the model took for a batch.",
            buckets=_SECONDS,
            registry=registry,
        )
        self.queue_depth = Gauge(
            "extractor_rerank_queue_depth",
            "Texts that are not read yet.",
            registry=registry,
        )
