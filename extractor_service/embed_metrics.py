"""What the batcher measures."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Gauge, Histogram

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class EmbedMetrics:
    """The embedding metrics of one registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Register them; a registry takes them once."""
        self.batch_size = Histogram(
            "extractor_embed_batch_size",
            "Distinct texts in a batch.",
            buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256, 512),
            registry=registry,
        )
        self.batch_tokens = Histogram(
            "extractor_embed_batch_tokens",
            "Estimated tokens in a batch, without padding.",
            buckets=(8, 16, 32, 64, 128, 256, 512, 1024, 4096, 16384),
            registry=registry,
        )
        self.queue_seconds = Histogram(
            "extractor_embed_queue_seconds",
            "Time a text waited before its batch began.",
            buckets=_SECONDS,
            registry=registry,
        )
        self.inference_seconds = Histogram(
            "extractor_embed_inference_seconds",
            "Time the model took for a batch.",
            buckets=_SECONDS,
            registry=registry,
        )
        self.queue_depth = Gauge(
            "extractor_embed_queue_depth",
            "Texts that wait for a batch.",
            registry=registry,
        )
