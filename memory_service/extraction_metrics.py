"""What becomes of messages on their way to memories. No label holds an id or a text."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Histogram

_SECONDS = (0.5, 1, 2, 4, 8, 15, 30, 60, 120, 300, 900, 3600)


class ExtractionMetrics:
    """The metrics of extraction in one registry; without one they are kept for nobody."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        """Register them; a registry takes them once."""
        self.steps = Counter(
            "memory_extraction_steps_total",
            "Deltas that the background took to the extractor, by outcome: committed, nothing (it "
            "was done already), unavailable (the extractor), put_off (Redis, or others changed the "
            "same memories), failed (a defect).",
            ("outcome",),
            registry=registry,
        )
        self.messages = Counter(
            "memory_extracted_messages_total",
            "Messages dealt with, those that were given up included.",
            registry=registry,
        )
        self.given_up = Counter(
            "memory_given_up_messages_total",
            "Messages set aside because the extractor failed on them again and again.",
            registry=registry,
        )
        self.lag_seconds = Histogram(
            "memory_searchable_lag_seconds",
            "Time from an append until what its messages say can be searched.",
            buckets=_SECONDS,
            registry=registry,
        )
