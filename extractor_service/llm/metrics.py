"""What the use of a language model measures. No label holds a text or an id."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_SECONDS = (0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60, 120)


class LlmMetrics:
    """The language model's metrics of one registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Register them; a registry takes them once."""
        self.calls = Counter(
            "extractor_llm_calls_total",
            "Requests to the language model by outcome: ok, unreachable, timeout, overloaded, "
            "server_error, refused, malformed, cancelled, or no_slot: sent too late, because too "
            "many others were out.",
            ("outcome",),
            registry=registry,
        )
        self.seconds = Histogram(
            "extractor_llm_seconds",
            "Time that a request to the language model took.",
            buckets=_SECONDS,
            registry=registry,
        )
        self.tokens = Counter(
            "extractor_llm_tokens_total",
            "Tokens that the language model took in (prompt) and gave out (completion), as it "
            "counts them.",
            ("kind",),
            registry=registry,
        )
        self.bad_replies = Counter(
            "extractor_llm_bad_replies_total",
            "Replies that are no answer, by what is wrong: cut_off, no_json, wrong_schema, "
            "nothing_valid.",
            ("reason",),
            registry=registry,
        )
        self.dropped = Counter(
            "extractor_llm_dropped_total",
            "Memories and sentences of the language model that were not kept, by what is wrong.",
            ("reason",),
            registry=registry,
        )
        self.fallbacks = Counter(
            "extractor_llm_fallbacks_total",
            "Deltas and summaries that the rules did instead, by what became of the request: as "
            "calls, or bad_reply, or skipped after several that failed.",
            ("reason",),
            registry=registry,
        )
        self.skipping = Gauge(
            "extractor_llm_skipping",
            "1 while the language model is left alone after several requests that failed.",
            registry=registry,
        )
