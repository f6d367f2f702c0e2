"""MemoryService, put together: the one place where its parts meet."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from typing import Any

from agentmemory.v1 import memory_service_pb2
from agentmemory.v1.extractor_service_pb2_grpc import ExtractorServiceStub
from agentmemory.v1.memory_service_pb2_grpc import add_MemoryServiceServicer_to_server
from prometheus_client import CollectorRegistry
from redis.asyncio import Redis

from memory_service.access import RULES
from memory_service.background import Background, running
from memory_service.backlog_metrics import BacklogMetrics
from memory_service.clock import SystemClock
from memory_service.domain.owner import Owner
from memory_service.embedded import EmbeddedRedis, default_data_dir
from memory_service.embedding import EmbeddingClient
from memory_service.erasing import Erasing
from memory_service.expiry import SessionExpiry
from memory_service.exporting import Exporting
from memory_service.extraction import SessionExtraction
from memory_service.extractor import RemoteExtractor
from memory_service.extractor_channel import open_extractor_channel
from memory_service.extractor_streams import ExtractStreams
from memory_service.flush import Flush
from memory_service.forget_schedule import LEASE_SECONDS, LOOK_SECONDS, ForgetSchedule
from memory_service.forgetting import Forgetting
from memory_service.guarding import Guard
from memory_service.health import store_health
from memory_service.history import History
from memory_service.importing import Importing
from memory_service.index_keeper import IndexKeeper
from memory_service.jobs import Jobs
from memory_service.keyed_locks import KeyedLocks
from memory_service.listing import Listing
from memory_service.long_term import LongTermMemory
from memory_service.measuring import Metrics
from memory_service.model_guard import ModelGuard, model_at
from memory_service.names_seen import NamesSeen
from memory_service.page_tokens import PageTokens
from memory_service.prompts.building import Prompts
from memory_service.pump import Pump
from memory_service.reading import Reading
from memory_service.reconciler import RemoteReconciler
from memory_service.reconciling import Reconciling
from memory_service.redis_spans import redis_trips
from memory_service.reranking import RerankClient
from memory_service.rereading import Rereading
from memory_service.retrieval import Retrieval
from memory_service.revision_signal import RevisionSignal
from memory_service.revisions import Revisions
from memory_service.rpc_errors import DomainErrorsInterceptor
from memory_service.rpcs.group import Parts
from memory_service.search import Search
from memory_service.servicer import MemoryServicer
from memory_service.settings import MemorySettings
from memory_service.store import probes, schema
from memory_service.store.connection import check_engine, connect
from memory_service.store.erasing import Eraser
from memory_service.store.expiry import ExpiringSessions
from memory_service.store.exports import ExportReader
from memory_service.store.feed import ChangeFeed
from memory_service.store.history import MemoryHistory
from memory_service.store.keys import FORGETTING
from memory_service.store.leases import Leases
from memory_service.store.memories import MemoryStore
from memory_service.store.missing import MissingVectors
from memory_service.store.paging import MemoryPages
from memory_service.store.promises import warn_of_weaknesses
from memory_service.store.queue import WorkQueue
from memory_service.store.scripts import Scripts
from memory_service.store.search import MemorySearch
from memory_service.store.secrets import shared_secret
from memory_service.store.session_changes import SessionChanges
from memory_service.store.session_imports import SessionImports
from memory_service.store.sessions import SessionStore
from memory_service.store.spaces import Model, Space
from memory_service.store.turns import Turns
from memory_service.store.use import UseStore
from memory_service.summaries import SummaryClient
from memory_service.summarizing import Summarizing
from memory_service.tenant_limits import tenant_limits
from memory_service.time_travel import TimeTravel
from memory_service.tokens import CounterOnDemand
from memory_service.tools.clock_tool import ClockTool
from memory_service.tools.memory_tools import MemoryTools
from memory_service.tools.session_tools import SessionTools
from memory_service.tools.toolbox import Toolbox
from memory_service.updating import MemoryUpdates
from memory_service.use_notes import UseNotes
from memory_service.vector_sweep import VectorSweep
from memory_service.watching import Watching
from memory_service.working_memory import WorkingMemory
from service_kit.auth.assembly import authenticator
from service_kit.garbage import settle
from service_kit.interceptors import standard_interceptors
from service_kit.metrics import new_registry, serve_metrics
from service_kit.server import Service, build_server, serve_until_signal
from service_kit.tracing.spans import Spans
from service_kit.tracing.starting import Tracing, tracing

SERVICE = memory_service_pb2.DESCRIPTOR.services_by_name["MemoryService"].full_name
TRACED_AS = "agent-memory"


@dataclass(frozen=True, slots=True)
class Store:
    """What touches Redis."""

    redis: Redis
    space: Space
    sessions: SessionStore
    memories: MemoryStore
    history: MemoryHistory
    search: MemorySearch
    queue: WorkQueue
    leases: Leases


async def serve(settings: MemorySettings) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises BindError, EmbeddedRedisError, FileError, ModelMismatch, StoreUnavailable and
    TracingError, each a clear line.
    """
    async with AsyncExitStack() as stack:
        traces = await stack.enter_async_context(tracing(settings, TRACED_AS))
        url = await stack.enter_async_context(_redis_url(settings))
        channel = await stack.enter_async_context(open_extractor_channel(settings))
        stub = ExtractorServiceStub(traces.traced(channel))
        metrics = Metrics.of(new_registry("memory", version("agent-memory-grpc")))
        model = await model_at(stub)
        store = await stack.enter_async_context(_store(settings, url, model, metrics, traces))
        parts, background = await _assemble(settings, store, stub, stack, metrics, traces.spans)
        health = store_health(
            SERVICE,
            answers=partial(probes.answers, store.redis),
            takes_writes=partial(probes.takes_writes, store.redis),
            searches=partial(probes.searches, store.redis, store.space.index),
        )
        bound = build_server(
            settings,
            services=[
                Service(
                    SERVICE, partial(add_MemoryServiceServicer_to_server, MemoryServicer(parts))
                )
            ],
            health=health,
            interceptors=_interceptors(settings, metrics.registry, store.redis, traces),
        )
        stack.enter_context(closing(_metrics(settings, metrics.registry)))
        await stack.enter_async_context(health)
        for work in background.work(extraction=settings.extraction):
            await stack.enter_async_context(running(work))
        settle()
        await serve_until_signal(
            bound,
            drain_seconds=settings.drain_seconds,
            on_drain=[parts.watching.close, parts.exporting.close],
        )


@asynccontextmanager
async def _redis_url(settings: MemorySettings) -> AsyncIterator[str]:
    if settings.redis_url is not None:
        yield settings.redis_url.get_secret_value()
        return
    data_dir = settings.data_dir or default_data_dir()
    async with EmbeddedRedis(data_dir, appendfsync=settings.appendfsync) as embedded:
        yield embedded.url


@asynccontextmanager
async def _store(
    settings: MemorySettings, url: str, model: Model | None, metrics: Metrics, traces: Tracing
) -> AsyncIterator[Store]:
    """Open the store; an extractor whose vectors do not go with those in it ends the start."""
    redis = connect(
        url,
        max_connections=settings.redis_connections,
        metrics=metrics.redis,
        trip=redis_trips(traces.spans) if traces.on else None,
    )
    try:
        await check_engine(redis)
        await warn_of_weaknesses(redis)
        space = await schema.ensure(
            redis,
            dimension=model.dimension if model else settings.dimension,
            algorithm=settings.vector_algorithm,
            model=model,
        )
        scripts = Scripts(redis)
        queue = WorkQueue(redis, scripts)
        await queue.ensure_groups()
        yield Store(
            redis,
            space,
            SessionStore(redis, settings.owner_quota, traces.spans.carried),
            MemoryStore(redis, scripts, space, settings.owner_quota),
            MemoryHistory(redis),
            MemorySearch(redis, space),
            queue,
            Leases(redis, seconds=settings.lease_seconds),
        )
    finally:
        await redis.aclose()


async def _assemble(
    settings: MemorySettings,
    store: Store,
    stub: Any,
    stack: AsyncExitStack,
    metrics: Metrics,
    spans: Spans,
) -> tuple[Parts, Background]:
    clock = SystemClock()
    locks: KeyedLocks[Owner] = KeyedLocks()
    guard = ModelGuard(store.redis, store.space)
    caller_guard = Guard(settings.policy)
    embedding = EmbeddingClient(
        stub,
        guard.accepts,
        dimension=store.space.dimension,
        timeout=settings.embed_timeout_seconds,
        metrics=metrics.embedding,
    )
    rereading = Rereading(
        RerankClient(stub, timeout=settings.rerank_timeout_seconds),
        settings.rerank_depth,
        settings.rerank_share,
    )
    streams = ExtractStreams(
        stub,
        timeout=settings.extract_timeout_seconds,
        streams=settings.extract_streams,
        spans=spans,
    )
    stack.push_async_callback(streams.close)
    extractor = RemoteExtractor(streams, guard.accepts, dimension=store.space.dimension)
    reconciler = RemoteReconciler(stub, timeout=settings.extract_timeout_seconds)
    reconciling = Reconciling(store.memories, store.search, reconciler, clock)
    extraction = SessionExtraction(
        store.sessions,
        store.memories,
        extractor,
        embedding,
        reconciling,
        caller_guard,
        locks,
        clock,
        delta_messages=settings.delta_messages,
        metrics=metrics.extraction,
        spans=spans,
    )
    revisions = Revisions(store.memories)
    past = TimeTravel(store.history)
    tokens = PageTokens(await shared_secret(store.redis, secrets.token_bytes(32)))
    flush = Flush(store.sessions, extraction, store.leases)
    changes = SessionChanges(store.redis, settings.owner_quota, spans.carried)
    summaries = SummaryClient(stub, timeout=settings.extract_timeout_seconds)
    summarizing = Summarizing(store.sessions, changes, summaries, extractor)
    counters = CounterOnDemand()
    reading = Reading(store.sessions, summarizing, counters)
    names = NamesSeen()
    metrics.caches.watch("speakers", names)
    retrieval = Retrieval(store.search, embedding, revisions, names, clock, metrics.search)
    search = Search(
        store.search, retrieval, revisions, past, counters, clock, rereading, metrics.search
    )
    working_memory = WorkingMemory(store.sessions, changes, flush, clock)
    long_term = LongTermMemory(store.memories, store.search, embedding, reconciling, locks, clock)
    updates = MemoryUpdates(store.memories, store.history, embedding, locks, clock)
    feed = ChangeFeed(store.redis)
    signal = RevisionSignal(feed)
    uses = UseStore(store.redis)
    use = UseNotes(uses, clock)
    forgetting = Forgetting(
        store.memories, uses, store.search, Jobs(store.memories, locks, clock), clock
    )
    parts = Parts(
        sessions=store.sessions,
        reading=reading,
        prompts=Prompts(search, reading, counters),
        model_windows=settings.model_windows,
        flush=flush,
        working_memory=working_memory,
        long_term=long_term,
        updates=updates,
        history=History(store.history, tokens),
        listing=Listing(
            store.search, MemoryPages(store.redis, store.space), tokens, revisions, past
        ),
        search=search,
        toolbox=Toolbox(
            [
                MemoryTools(search, long_term, updates, caller_guard, use, clock),
                SessionTools(store.sessions, reading, working_memory, caller_guard, clock),
                ClockTool(clock),
            ]
        ),
        revisions=revisions,
        page_tokens=tokens,
        watching=Watching(
            feed,
            store.memories,
            revisions,
            signal,
            checkpoint_seconds=settings.watch_checkpoint_seconds,
            max_seconds=settings.max_stream_seconds,
        ),
        exporting=Exporting(
            ExportReader(store.redis, store.sessions, store.space),
            tokens,
            max_seconds=settings.max_stream_seconds,
        ),
        importing=Importing(
            store.memories,
            store.history,
            SessionImports(store.redis, settings.owner_quota),
            revisions,
            locks,
            clock,
        ),
        erasing=Erasing(Eraser(store.redis), store.search, clock),
        forgetting=forgetting,
        use=use,
        guard=caller_guard,
        clock=clock,
    )
    missing = MissingVectors(store.redis, store.space)
    sweep = VectorSweep(
        store.memories, embedding, every=settings.sweep_seconds, stragglers=missing.stragglers
    )
    expiry = SessionExpiry(
        ExpiringSessions(store.redis), flush, clock, every=settings.expiry_seconds
    )
    schedule = _forget_schedule(settings, store.redis, forgetting, uses)
    pump = _pump(settings, store, extraction, summarizing, metrics, spans)
    backlog = BacklogMetrics(store.redis, store.space.index, metrics.registry)
    index = IndexKeeper(partial(schema.mend, store.redis, store.space, settings.vector_algorithm))
    return parts, Background(pump, sweep, expiry, signal, use, index, schedule, backlog)


def _forget_schedule(
    settings: MemorySettings, redis: Redis, forgetting: Forgetting, uses: UseStore
) -> ForgetSchedule | None:
    every = settings.forget_every_seconds
    if every is None:
        return None
    turns = Turns(redis, FORGETTING, every=every, lease=LEASE_SECONDS)
    look_every = min(every, LOOK_SECONDS)
    return ForgetSchedule(forgetting, uses, turns, settings.forget_limits, look_every=look_every)


def _pump(
    settings: MemorySettings,
    store: Store,
    extraction: SessionExtraction,
    summarizing: Summarizing,
    metrics: Metrics,
    spans: Spans,
) -> Pump:
    return Pump(
        store.queue,
        extraction,
        summarizing,
        store.leases,
        settings.timing,
        parallel_sessions=settings.parallel_sessions,
        waiting_sessions=settings.waiting_sessions,
        metrics=metrics.extraction,
        spans=spans,
    )


def _metrics(settings: MemorySettings, registry: CollectorRegistry) -> Any:
    return serve_metrics(registry, settings.metrics_host, settings.metrics_port)


def _interceptors(
    settings: MemorySettings, registry: CollectorRegistry, redis: Redis, traces: Tracing
) -> list[Any]:
    standard = standard_interceptors(registry, authenticator(settings), RULES, settings)
    ours = [DomainErrorsInterceptor(), tenant_limits(settings, redis)]
    return [*traces.interceptors, *standard, *ours]
