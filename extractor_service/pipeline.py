"""From messages to memories with vectors: rules first, then one call of the model for a delta."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain

from extractor_service.batcher import Batcher, NotServing
from extractor_service.domain import Finding, Turn
from extractor_service.embed_queue import EmbeddingFailed, QueueFull
from extractor_service.embedder import ModelInfo, Purpose
from extractor_service.extraction_metrics import ExtractionMetrics
from extractor_service.worker import RulesFailed, RulesQueueFull, RulesWorker, Task
from service_kit.safe_traceback import safe_traceback

logger = logging.getLogger(__name__)

_OUTCOMES: dict[type[BaseException], str] = {
    RulesFailed: "failed",
    EmbeddingFailed: "failed",
    RulesQueueFull: "overloaded",
    QueueFull: "overloaded",
    NotServing: "unavailable",
    asyncio.CancelledError: "cancelled",
}


@dataclass(frozen=True, slots=True)
class Extracted:
    """One memory and the vector of its text: little-endian float32."""

    finding: Finding
    embedding: bytes


@dataclass(frozen=True, slots=True)
class PipelineInfo:
    """What runs: the embedding model, and the extractor's name, version and window in turns."""

    model: ModelInfo
    extractor: str
    context_turns: int


class Pipeline:
    """Extraction and embedding; a pure function of its input."""

    def __init__(self, worker: RulesWorker, batcher: Batcher, metrics: ExtractionMetrics) -> None:
        self._worker = worker
        self._batcher = batcher
        self._metrics = metrics

    @property
    def ready(self) -> bool:
        """Whether it takes calls: rules and model are loaded, and it does not stop."""
        return self._worker.ready and self._batcher.ready

    @property
    def busy(self) -> bool:
        """Whether so much waits that callers should hold back."""
        return self._worker.busy

    @property
    def info(self) -> PipelineInfo:
        """What runs; raises `NotServing` unless `ready`."""
        if not self.ready:
            raise NotServing
        ruleset = self._worker.ruleset
        return PipelineInfo(self._batcher.info, ruleset.version, ruleset.context_turns)

    async def warm(self) -> None:
        """Load model and rules, one after the other: both import torch, which two threads must not.

        Raises whatever loading raises.
        """
        await self._batcher.warm()
        await self._worker.warm()

    async def stop(self) -> None:
        """Take no more calls and end the threads; call it when nobody waits any more."""
        self._worker.stop()
        await self._batcher.stop()

    async def extract(self, messages: Sequence[Turn], context: Sequence[Turn]) -> list[Extracted]:
        """The memories in `messages`, in their order; `context` holds the turns before them.

        Each message is seen with the `context_turns` turns before it and nothing else, so the same
        conversation gives the same memories wherever it is cut into deltas.

        Raises `RulesFailed` or `EmbeddingFailed` if the input is at fault, and `RulesQueueFull`,
        `QueueFull` or `NotServing` if it is not.
        """
        with self._measured():
            tasks = windows(messages, context, self.info.context_turns)
            findings = list(chain.from_iterable(await self._run_rules(tasks)))
            vectors = await self.embed([f.text for f in findings], Purpose.DOCUMENT)
        self._metrics.messages.inc(len(messages))
        self._metrics.memories.inc(len(findings))
        return [Extracted(f, vector) for f, vector in zip(findings, vectors, strict=True)]

    async def embed(self, texts: Sequence[str], purpose: Purpose) -> list[bytes]:
        """The texts' vectors in order: little-endian float32 of unit length.

        Raises `QueueFull`, `NotServing` also if the model fails on any text, and `EmbeddingFailed`
        if it fails on one of these alone.
        """
        try:
            return await self._batcher.embed(texts, purpose)
        except EmbeddingFailed:
            if await self._model_works():
                raise
            raise NotServing from None

    async def _run_rules(self, tasks: Sequence[Task]) -> list[tuple[Finding, ...]]:
        try:
            return await self._worker.extract(tasks)
        except RulesFailed as error:
            logger.warning(
                "the rules failed on a message",
                extra={"traceback": safe_traceback(error)},
            )
            raise

    async def _model_works(self) -> bool:
        """Tell a text that cannot be embedded from a model that cannot embed."""
        try:
            await self._batcher.embed(["A text that every model can embed."], Purpose.DOCUMENT)
        except EmbeddingFailed:
            return False
        return True

    @contextmanager
    def _measured(self) -> Iterator[None]:
        outcome = "ok"
        try:
            with self._metrics.seconds.time():
                yield
        except BaseException as error:
            outcome = _OUTCOMES.get(type(error), "internal")
            raise
        finally:
            self._metrics.extractions.labels(outcome).inc()


def windows(messages: Sequence[Turn], context: Sequence[Turn], size: int) -> list[Task]:
    """Each message with the `size` turns before it, or as many as there are."""
    turns = (*context, *messages)
    first = len(context)
    return [
        Task(turns[place], turns[max(0, place - size) : place])
        for place in range(first, len(turns))
    ]
