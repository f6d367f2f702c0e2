"""ExtractorService: translates, calls, translates."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from math import inf
from typing import Any, TypeVar

from agentmemory.v1 import extractor_service_pb2 as pb
from agentmemory.v1 import extractor_service_pb2_grpc as pb_grpc

from extractor_service import translate, translate_facts, translate_rerank
from extractor_service.embed_queue import EmbeddingFailed
from extractor_service.embedder import Purpose
from extractor_service.errors import extraction_failed, known, reranker_missing, too_late
from extractor_service.extraction_metrics import ExtractionMetrics
from extractor_service.pipeline import Pipeline
from extractor_service.reconciling import Reconciler
from extractor_service.rerank_errors import RerankFailed, TooLate
from extractor_service.reranking import Reranking
from extractor_service.stream import ExtractStream, StreamLimits
from extractor_service.summarizer import Summarizer
from extractor_service.waiting import unless_broken
from extractor_service.worker import RulesFailed
from service_kit.errors import FieldViolation
from service_kit.tracing.spans import NO_SPANS, Spans

Result = TypeVar("Result")


def _now() -> datetime:
    return datetime.now(UTC)


def _deadline(context: Any) -> float:
    """Until when the caller waits, by the event loop's clock."""
    left: float | None = context.time_remaining()
    return inf if left is None else asyncio.get_running_loop().time() + left


class ExtractorServicer(pb_grpc.ExtractorServiceServicer):
    """Serves a pipeline, a summarizer, a reconciler and, where there is one, a reranker.

    Their failures leave as ServiceError, for the kit's interceptor to send.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        summarizer: Summarizer,
        reconciler: Reconciler,
        limits: StreamLimits,
        metrics: ExtractionMetrics,
        reranking: Reranking | None = None,
        clock: Callable[[], datetime] = _now,
        spans: Spans = NO_SPANS,
    ) -> None:
        """`clock` gives the time of messages without one, timezone-aware."""
        self._pipeline = pipeline
        self._summarizer = summarizer
        self._reconciler = reconciler
        self._limits = limits
        self._metrics = metrics
        self._reranking = reranking
        self._clock = clock
        self._spans = spans
        self._draining = asyncio.Event()

    async def drain(self) -> None:
        """Tell all streams that the server is about to stop."""
        self._draining.set()

    # Declared as an iterator; a coroutine that writes is the other form that grpc takes.
    async def Extract(  # type: ignore[override]
        self, request_iterator: AsyncIterator[pb.ExtractRequest], context: Any
    ) -> None:
        """Serve a stream."""
        stream = ExtractStream(
            self._pipeline, self._limits, self._draining, context.write, self._spans
        )
        with self._metrics.streams.track_inprogress(), self._telling():
            await stream.run(request_iterator)

    async def ExtractMemories(
        self, request: pb.ExtractMemoriesRequest, context: Any
    ) -> pb.ExtractMemoriesResponse:
        """Extract from one delta."""
        with self._telling():
            info = self._pipeline.info
            asked = translate.from_request(request, self._clock())
            extracted = await self._unless_broken(
                self._pipeline.extract(asked.conversation, asked.strategy, _deadline(context))
            )
        return pb.ExtractMemoriesResponse(extraction=translate.extraction(extracted, info.model))

    async def Embed(self, request: pb.EmbedRequest, context: Any) -> pb.EmbedResponse:
        """Turn texts into vectors."""
        with self._telling():
            info = self._pipeline.info
            texts, purpose = translate.from_embed(request)
            vectors = await self._unless_broken(self._embed(texts, purpose))
        return pb.EmbedResponse(vectors=vectors, model=translate.model_info(info.model))

    async def Summarize(self, request: pb.SummarizeRequest, context: Any) -> pb.SummarizeResponse:
        """Sum up some more messages of a conversation."""
        with self._telling():
            asked = translate.from_summarize(request, self._clock())
            extended = await self._unless_broken(
                self._summarizer.extend(
                    asked.summary, asked.conversation, asked.max_tokens, _deadline(context)
                )
            )
        return translate.summary(extended)

    async def Rerank(self, request: pb.RerankRequest, context: Any) -> pb.RerankResponse:
        """Say of each text how well it answers the query."""
        with self._telling():
            query, texts = translate_rerank.from_rerank(request)
            if self._reranking is None:
                raise reranker_missing()
            info = self._reranking.info
            scoring = _scored(self._reranking, query, texts, _deadline(context))
            scores = await unless_broken([self._reranking.condition], scoring)
        return translate_rerank.reranked(scores, info)

    async def GetInfo(self, request: pb.GetInfoRequest, context: Any) -> pb.GetInfoResponse:
        """Say what runs here."""
        with self._telling():
            info = self._pipeline.info
            reranker = self._reranking.info if self._reranking else None
        return pb.GetInfoResponse(
            embedding_model=translate.model_info(info.model),
            extractor=info.extractor,
            context_messages=info.context_turns,
            max_delta_messages=self._limits.max_delta_messages,
            max_embed_texts=translate.MAX_EMBED_TEXTS,
            max_in_flight=self._limits.max_in_flight,
            reranker=translate.model_info(reranker) if reranker else None,
            max_rerank_texts=translate_rerank.MAX_TEXTS,
        )

    async def Reconcile(self, request: pb.ReconcileRequest, context: Any) -> pb.ReconcileResponse:
        """Say what new facts are to known ones."""
        with self._telling():
            items = translate_facts.from_reconcile(request)
            try:
                verdicts = await self._unless_broken(self._reconciler.reconcile(items))
            except (RulesFailed, EmbeddingFailed) as error:
                violation = FieldViolation(f"items[{error.index}]", "cannot be compared")
                raise extraction_failed("a fact cannot be compared", [violation]) from None
        return translate_facts.reconciled(verdicts)

    async def _embed(self, texts: list[str], purpose: Purpose) -> list[bytes]:
        try:
            return await self._pipeline.embed(texts, purpose)
        except EmbeddingFailed as error:
            violation = FieldViolation(f"texts[{error.index}]", "cannot be embedded")
            raise extraction_failed("the embedding model fails on a text", [violation]) from None

    async def _unless_broken(self, work: Coroutine[Any, Any, Result]) -> Result:
        return await unless_broken(self._pipeline.conditions, work)

    @contextmanager
    def _telling(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            told = known(error, self._limits.retry_after)
            if told is None:
                raise
            raise told from None


async def _scored(
    reranking: Reranking, query: str, texts: list[str], deadline: float
) -> list[float]:
    try:
        return await reranking.scores(query, texts, deadline)
    except RerankFailed as error:
        violation = FieldViolation(f"texts[{error.index}]", "cannot be scored")
        raise extraction_failed("the reranker fails on a text", [violation]) from None
    except TooLate:
        raise too_late() from None
