"""How calls of the extractor end, and how long they take, for its metrics."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import Counter, Histogram

from extractor_service.batcher import NotServing
from extractor_service.embed_queue import EmbeddingFailed, QueueFull
from extractor_service.rerank_errors import RerankFailed, TooLate
from extractor_service.worker import RulesFailed, RulesQueueFull

_OUTCOMES: dict[type[BaseException], str] = {
    RulesFailed: "failed",
    EmbeddingFailed: "failed",
    RerankFailed: "failed",
    TooLate: "late",
    RulesQueueFull: "overloaded",
    QueueFull: "overloaded",
    NotServing: "unavailable",
    asyncio.CancelledError: "cancelled",
}


@contextmanager
def measured(calls: Counter, seconds: Histogram) -> Iterator[None]:
    """Count what is done within by its outcome, the one label of `calls`, and take its time."""
    outcome = "ok"
    try:
        with seconds.time():
            yield
    except BaseException as error:
        outcome = _OUTCOMES.get(type(error), "internal")
        raise
    finally:
        calls.labels(outcome).inc()
