"""The extractor put together: the one place that knows all its parts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from importlib.metadata import version

from agentmemory.v1 import extractor_service_pb2
from agentmemory.v1.extractor_service_pb2_grpc import add_ExtractorServiceServicer_to_server
from prometheus_client import CollectorRegistry

from extractor_service.access import RULES
from extractor_service.batcher import Batcher
from extractor_service.checks import checks
from extractor_service.embed_metrics import EmbedMetrics
from extractor_service.embedder import Embedder
from extractor_service.extraction_metrics import ExtractionMetrics
from extractor_service.finder import Finder, RulesFinder
from extractor_service.guarding import GuardedFinder, GuardedWriter
from extractor_service.llm.assembly import Llm
from extractor_service.model import fetch, load_embedder, load_reranker
from extractor_service.pipeline import Pipeline
from extractor_service.reconciling import Reconciler
from extractor_service.rerank_metrics import RerankMetrics
from extractor_service.reranker import Reranker
from extractor_service.reranking import Reranking
from extractor_service.servicer import ExtractorServicer
from extractor_service.settings import ExtractorSettings
from extractor_service.stream import StreamLimits
from extractor_service.summarizer import ExtractiveWriter, Summarizer, Writer
from extractor_service.worker import Ruleset, RulesWorker
from service_kit.auth.assembly import authenticator
from service_kit.garbage import settle
from service_kit.guard.policy import Policy
from service_kit.health import Health
from service_kit.interceptors import standard_interceptors
from service_kit.metrics import new_registry, serve_metrics
from service_kit.server import BoundServer, Service, build_server, serve_until_signal
from service_kit.tracing.spans import Spans
from service_kit.tracing.starting import OFF, Tracing, tracing

SERVICE = extractor_service_pb2.DESCRIPTOR.services_by_name["ExtractorService"].full_name
TRACED_AS = "agent-memory-extractor"
STREAMED = ("Extract",)
"""Methods whose streams serve many: each delta has a trace, the stream none."""

# What grpc may send, less what wraps a result.
_RESULT_OVERHEAD_BYTES = 64


@dataclass(frozen=True)
class Loaders:
    """What is loaded after the port is bound, each in the thread that will use it."""

    rules: Callable[[], Ruleset]
    embedder: Callable[[], Embedder]
    reranker: Callable[[], Reranker] | None = None


@dataclass(frozen=True)
class Extractor:
    """The assembled service: bound, but neither warm nor answering."""

    bound: BoundServer
    pipeline: Pipeline
    servicer: ExtractorServicer
    reranking: Reranking | None = None
    llm: Llm | None = None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[asyncio.Task[None]]:
        """Keep health true and warm up in the background, in the task that this gives.

        Afterwards the threads end with what they are at, if they ever do.
        """
        async with self.bound.health:
            warming = asyncio.create_task(self._warm(), name="warm")
            try:
                yield warming
            finally:
                warming.cancel()
                await asyncio.wait([warming])
                await self.pipeline.stop()
                if self.reranking is not None:
                    self.reranking.stop()
                if self.llm is not None:
                    await self.llm.close()

    async def _warm(self) -> None:
        """Load the models one after the other: they import torch, which two threads must not."""
        await self.pipeline.warm()
        if self.reranking is not None:
            await self.reranking.warm()


def load_rules() -> Ruleset:
    """The spaCy rules. Takes seconds; ImportError if they are not installed."""
    from extractor_service.rules import CONTEXT_TURNS, RULES_VERSION, RulesExtractor

    rules = RulesExtractor.load()
    return Ruleset(rules.extract, RULES_VERSION, CONTEXT_TURNS, rules.read)


def default_loaders(settings: ExtractorSettings) -> Loaders:
    """The real rules and the configured models."""
    model, reranker = settings.model_choice, settings.reranker_choice

    def load_first() -> Embedder:
        fetch([model, reranker] if reranker else [model])
        return load_embedder(model)

    return Loaders(load_rules, load_first, partial(load_reranker, reranker) if reranker else None)


def assemble(
    settings: ExtractorSettings,
    loaders: Loaders,
    registry: CollectorRegistry,
    traces: Tracing = OFF,
) -> Extractor:
    """Wire everything and bind the port, within the event loop.

    BindError if it cannot be had, FileError if a key or certificate cannot be read.
    """
    metrics = ExtractionMetrics(registry)
    worker = _worker(settings, loaders, metrics)
    batcher = _batcher(settings, loaders, registry, traces.spans)
    llm = Llm(settings, str(settings.llm_url), registry) if settings.llm_url else None
    finder, writer = _guarded(
        *_finder_and_writer(RulesFinder(worker), llm), settings.policy, metrics
    )
    pipeline = Pipeline(worker, finder, batcher, metrics, traces.spans)
    summarizer = Summarizer(writer, batcher.count_tokens, metrics)
    reconciler = Reconciler(worker, pipeline, metrics)
    reranking = _reranking(settings, loaders, registry, traces.spans)
    servicer = ExtractorServicer(
        pipeline, summarizer, reconciler, _limits(settings), metrics, reranking, spans=traces.spans
    )
    standard = standard_interceptors(registry, authenticator(settings), RULES, settings)
    bound = build_server(
        settings,
        services=[Service(SERVICE, partial(add_ExtractorServiceServicer_to_server, servicer))],
        health=Health(checks(SERVICE, pipeline, reranking)),
        interceptors=[*traces.interceptors, *standard],
    )
    return Extractor(bound, pipeline, servicer, reranking, llm)


async def serve(settings: ExtractorSettings) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises BindError, FileError, TracingError, ModelError for a model that cannot be used, and
    ImportError for a part that is not installed.
    """
    async with tracing(settings, TRACED_AS, untraced=STREAMED) as traces:
        await _serve(settings, traces)


async def _serve(settings: ExtractorSettings, traces: Tracing) -> None:
    registry = new_registry("extractor", version("agent-memory-grpc"))
    extractor = assemble(settings, default_loaders(settings), registry, traces)
    with closing(serve_metrics(registry, settings.metrics_host, settings.metrics_port)):
        async with extractor.running() as warming:
            serving = asyncio.create_task(
                serve_until_signal(
                    extractor.bound,
                    drain_seconds=settings.drain_seconds,
                    on_drain=[extractor.servicer.drain],
                )
            )
            warming.add_done_callback(lambda task: _settle_or_give_up(task, serving))
            await asyncio.wait([serving])
            if warming.done():
                warming.result()
            await serving


def _settle_or_give_up(warming: asyncio.Task[None], serving: asyncio.Task[None]) -> None:
    if warming.cancelled():
        return
    if warming.exception() is None:
        settle()
    else:
        serving.cancel()


def _finder_and_writer(rules: RulesFinder, llm: Llm | None) -> tuple[Finder, Writer]:
    """Who finds and who sums up: the rules, or the language model and the rules behind it."""
    extractive = ExtractiveWriter(rules)
    return (llm.finder(rules), llm.writer(extractive)) if llm else (rules, extractive)


def _guarded(
    finder: Finder, writer: Writer, policy: Policy, metrics: ExtractionMetrics
) -> tuple[Finder, Writer]:
    """The same two; whatever they ask, the policy is kept."""
    return GuardedFinder(finder, policy, metrics), GuardedWriter(writer, policy)


def _worker(
    settings: ExtractorSettings, loaders: Loaders, metrics: ExtractionMetrics
) -> RulesWorker:
    return RulesWorker(
        loaders.rules,
        limit=settings.rules_queue_messages,
        depth_changed=metrics.rules_queue_depth.set,
    )


def _batcher(
    settings: ExtractorSettings, loaders: Loaders, registry: CollectorRegistry, spans: Spans
) -> Batcher:
    return Batcher(
        loaders.embedder,
        EmbedMetrics(registry),
        token_budget=settings.embed_batch_tokens or None,
        queue_limit=settings.embed_queue_texts,
        spans=spans,
    )


def _reranking(
    settings: ExtractorSettings, loaders: Loaders, registry: CollectorRegistry, spans: Spans
) -> Reranking | None:
    if loaders.reranker is None:
        return None
    return Reranking(
        loaders.reranker,
        RerankMetrics(registry),
        token_budget=settings.rerank_batch_tokens or None,
        queue_limit=settings.rerank_queue_texts,
        spans=spans,
    )


def _limits(settings: ExtractorSettings) -> StreamLimits:
    return StreamLimits(
        max_in_flight=settings.max_in_flight,
        max_delta_messages=settings.max_delta_messages,
        max_result_bytes=settings.max_send_bytes - _RESULT_OVERHEAD_BYTES,
        max_seconds=settings.max_stream_seconds,
        retry_after=timedelta(seconds=settings.retry_after_seconds),
    )
