"""From messages to memories with vectors: found first, then one call of the model for a delta."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

from extractor_service.batcher import Batcher, NotServing
from extractor_service.domain import NO_USAGE, Conversation, Finding, LlmUsage, Strategy
from extractor_service.embed_queue import EmbeddingFailed
from extractor_service.embedder import ModelInfo, Purpose
from extractor_service.extraction_metrics import ExtractionMetrics
from extractor_service.finder import Finder
from extractor_service.measuring import measured
from extractor_service.worker import RulesWorker
from service_kit.tracing.spans import NO_SPANS, Kind, Spans


@dataclass(frozen=True, slots=True)
class Extracted:
    """One memory and the vector of its text: little-endian float32."""

    finding: Finding
    embedding: bytes


@dataclass(frozen=True, slots=True)
class Extraction:
    """The memories of one delta in the order of their sources, what found them, and what it cost.

    `usage` is that of the language model, if one was asked, also where it was of no use.
    """

    memories: tuple[Extracted, ...]
    extractor: str
    usage: LlmUsage = NO_USAGE


@dataclass(frozen=True, slots=True)
class PipelineInfo:
    """What runs: the embedding model, and the extractor's name, version and window in turns."""

    model: ModelInfo
    extractor: str
    context_turns: int


class Pipeline:
    """Extraction and embedding; a pure function of its input."""

    def __init__(
        self,
        worker: RulesWorker,
        finder: Finder,
        batcher: Batcher,
        metrics: ExtractionMetrics,
        spans: Spans = NO_SPANS,
    ) -> None:
        """`worker` is what `finder` needs to run; the pipeline warms and stops it."""
        self._worker = worker
        self._finder = finder
        self._batcher = batcher
        self._metrics = metrics
        self._spans = spans
        self.condition = batcher.condition
        self.conditions = (batcher.condition, worker.condition)

    @property
    def ready(self) -> bool:
        """Whether it takes calls: rules and model are loaded and in order, and it does not stop."""
        in_order = all(condition.in_order for condition in self.conditions)
        return self._worker.ready and self._batcher.ready and in_order

    @property
    def busy(self) -> bool:
        """Whether so much waits that callers should hold back."""
        return self._worker.busy

    @property
    def info(self) -> PipelineInfo:
        """What runs; raises `NotServing` unless `ready`."""
        if not self.ready:
            raise NotServing
        turns = self._worker.ruleset.context_turns
        return PipelineInfo(self._batcher.info, self._finder.name, turns)

    async def warm(self) -> None:
        """Load model and rules, one after the other: both import torch, which two threads must not.

        Raises whatever loading raises.
        """
        await self._batcher.warm()
        await self._worker.warm()

    async def stop(self) -> None:
        """Take no more calls, and let the threads end; call it when nobody waits any more."""
        self._worker.stop()
        await self._batcher.stop()

    async def extract(
        self, conversation: Conversation, strategy: Strategy, deadline: float = inf
    ) -> Extraction:
        """What `strategy` asks for in the conversation's messages.

        The caller waits until `deadline`, a time of the event loop's clock. Raises `RulesFailed`
        or `EmbeddingFailed` if the input is at fault, and `RulesQueueFull`, `QueueFull` or
        `NotServing` if it is not.
        """
        with measured(self._metrics.extractions, self._metrics.seconds):
            if not self.ready:
                raise NotServing
            counts = {"agentmemory.messages": len(conversation.messages)}
            with self._spans.span("find memories", Kind.INTERNAL, counts):
                found = await self._finder.find(conversation, strategy, deadline)
            vectors = await self.embed([f.text for f in found.findings], Purpose.DOCUMENT)
        self._metrics.messages.inc(len(conversation.messages))
        self._metrics.memories.inc(len(found.findings))
        memories = (Extracted(f, vector) for f, vector in zip(found.findings, vectors, strict=True))
        return Extraction(tuple(memories), found.extractor, found.usage)

    async def embed(self, texts: Sequence[str], purpose: Purpose) -> list[bytes]:
        """The texts' vectors in order: little-endian float32 of unit length.

        Raises `QueueFull`, `NotServing` also while the model is out of order, and
        `EmbeddingFailed` if it fails on one of these alone.
        """
        if not self.condition.in_order:
            raise NotServing
        try:
            return await self._batcher.embed(texts, purpose)
        except EmbeddingFailed:
            if await self.condition.examine():
                raise
            raise NotServing from None
