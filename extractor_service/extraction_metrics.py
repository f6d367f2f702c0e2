"""What extraction measures. No label holds an id or a text."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class ExtractionMetrics:
    """The extraction metrics of one registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Register them; a registry takes them once."""
        self.extractions = Counter(
            "extractor_extractions_total",
            "Deltas by outcome: ok, failed (the input is at fault), overloaded, unavailable, "
            "cancelled.",
            ("outcome",),
            registry=registry,
        )
        self.messages = Counter(
            "extractor_messages_total", "Messages extracted from.", registry=registry
        )
        self.memories = Counter("extractor_memories_total", "Memories found.", registry=registry)
        self.guarded = Counter(
            "extractor_guarded_total",
            "Messages and memories that something was taken out of, by what it was.",
            ("kind",),
            registry=registry,
        )
        self.withheld = Counter(
            "extractor_withheld_memories_total",
            "Memories that told nothing but what was taken out of them.",
            registry=registry,
        )
        self.untrusted = Counter(
            "extractor_untrusted_memories_total",
            "Memories marked as untrusted, by what their words or their message attempt.",
            ("attempt",),
            registry=registry,
        )
        self.seconds = Histogram(
            "extractor_extraction_seconds",
            "Time that a delta took, waiting included.",
            buckets=_SECONDS,
            registry=registry,
        )
        self.rules_queue_depth = Gauge(
            "extractor_rules_queue_depth",
            "Messages that wait for the rules, those being worked on included.",
            registry=registry,
        )
        self.summaries = Counter(
            "extractor_summaries_total",
            "Calls of Summarize by outcome: ok, failed (the input is at fault), overloaded, "
            "unavailable, cancelled.",
            ("outcome",),
            registry=registry,
        )
        self.summary_seconds = Histogram(
            "extractor_summary_seconds",
            "Time that a call of Summarize took, waiting included.",
            buckets=_SECONDS,
            registry=registry,
        )
        self.reconciliations = Counter(
            "extractor_reconciliations_total",
            "Calls of Reconcile by outcome: ok, failed (the input is at fault), overloaded, "
            "unavailable, cancelled.",
            ("outcome",),
            registry=registry,
        )
        self.reconcile_seconds = Histogram(
            "extractor_reconcile_seconds",
            "Time that a call of Reconcile took, waiting included.",
            buckets=_SECONDS,
            registry=registry,
        )
        self.decisions = Counter(
            "extractor_decisions_total",
            "New facts that were reconciled, by decision.",
            ("decision",),
            registry=registry,
        )
        self.streams = Gauge(
            "extractor_streams", "Extract streams that are open.", registry=registry
        )
