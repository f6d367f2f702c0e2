"""MemoryService, put together: the one place where its parts meet."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import grpc.aio
from agentmemory.v1 import memory_service_pb2
from agentmemory.v1.extractor_service_pb2 import GetInfoRequest
from agentmemory.v1.extractor_service_pb2_grpc import ExtractorServiceStub
from agentmemory.v1.memory_service_pb2_grpc import add_MemoryServiceServicer_to_server
from prometheus_client import CollectorRegistry
from redis.asyncio import Redis

from memory_service.clock import SystemClock
from memory_service.domain.owner import Owner
from memory_service.embedded import EmbeddedRedis, default_data_dir
from memory_service.embedding import EmbeddingClient
from memory_service.erasing import Erasing
from memory_service.extraction import SessionExtraction
from memory_service.extractor import RemoteExtractor
from memory_service.extractor_stream import ExtractStream
from memory_service.flush import Flush
from memory_service.history import History
from memory_service.keyed_locks import KeyedLocks
from memory_service.listing import Listing
from memory_service.long_term import LongTermMemory
from memory_service.model_guard import ModelGuard
from memory_service.page_tokens import PageTokens
from memory_service.pump import Pump
from memory_service.revision_signal import RevisionSignal
from memory_service.revisions import Revisions
from memory_service.rpc_errors import DomainErrorsInterceptor
from memory_service.rpcs.group import Parts
from memory_service.search import Search
from memory_service.servicer import MemoryServicer
from memory_service.settings import MemorySettings
from memory_service.store import schema
from memory_service.store.connection import check_engine, connect
from memory_service.store.erasing import Eraser
from memory_service.store.feed import ChangeFeed
from memory_service.store.history import MemoryHistory
from memory_service.store.leases import Leases
from memory_service.store.memories import MemoryStore
from memory_service.store.queue import WorkQueue
from memory_service.store.scripts import Scripts
from memory_service.store.search import MemorySearch
from memory_service.store.secrets import shared_secret
from memory_service.store.session_changes import SessionChanges
from memory_service.store.sessions import SessionStore
from memory_service.updating import MemoryUpdates
from memory_service.vector_sweep import VectorSweep
from memory_service.watching import Watching
from memory_service.working_memory import WorkingMemory
from service_kit.auth import AnonymousAuthenticator
from service_kit.channel import open_channel
from service_kit.health import Check, Health
from service_kit.interceptors import standard_interceptors
from service_kit.metrics import new_registry, serve_metrics
from service_kit.server import Service, build_server, serve_until_signal

if TYPE_CHECKING:
    # The asynchronous stub is a type only; an ExtractorServiceStub on an aio channel is one.
    from agentmemory.v1.extractor_service_pb2_grpc import ExtractorServiceAsyncStub

MODEL_SECONDS = 2.0
"""How long a start waits for the extractor to say which model it has."""

DELTA_BYTES = 32 * 1024 * 1024
"""What the extractor takes: 64 messages of 256 KiB and more."""

SERVICE = memory_service_pb2.DESCRIPTOR.services_by_name["MemoryService"].full_name


@dataclass(frozen=True, slots=True)
class Store:
    """What touches Redis."""

    redis: Redis
    sessions: SessionStore
    memories: MemoryStore
    history: MemoryHistory
    search: MemorySearch
    queue: WorkQueue
    leases: Leases


@dataclass(frozen=True, slots=True)
class Background:
    """What runs beside the RPCs."""

    pump: Pump
    sweep: VectorSweep
    signal: RevisionSignal


async def serve(settings: MemorySettings) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises BindError, EmbeddedRedisError, ModelMismatch and StoreUnavailable, each a clear line.
    """
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(_redis_url(settings))
        store = await stack.enter_async_context(_store(settings, url))
        channel = await stack.enter_async_context(
            open_channel(settings.extractor, max_send_bytes=DELTA_BYTES)
        )
        parts, background = await _assemble(settings, store, ExtractorServiceStub(channel), stack)
        registry = new_registry("memory", version("agent-memory-grpc"))
        health = Health({SERVICE: [Check("redis", partial(_answers, store.redis))]})
        bound = build_server(
            settings,
            services=[
                Service(SERVICE, partial(add_MemoryServiceServicer_to_server, _servicer(parts)))
            ],
            health=health,
            interceptors=_interceptors(settings, registry),
        )
        stack.enter_context(closing(_metrics(settings, registry)))
        await stack.enter_async_context(health)
        for work in _background(settings, background):
            await stack.enter_async_context(_running(work))
        await serve_until_signal(
            bound, drain_seconds=settings.drain_seconds, on_drain=[parts.watching.close]
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
async def _store(settings: MemorySettings, url: str) -> AsyncIterator[Store]:
    redis = connect(url, max_connections=settings.redis_connections)
    try:
        await check_engine(redis)
        await schema.ensure(
            redis, dimension=settings.dimension, algorithm=settings.vector_algorithm
        )
        scripts = Scripts(redis)
        queue = WorkQueue(redis, scripts)
        await queue.ensure_groups()
        yield Store(
            redis,
            SessionStore(redis, scripts),
            MemoryStore(redis, scripts),
            MemoryHistory(redis),
            MemorySearch(redis),
            queue,
            Leases(redis, seconds=settings.lease_seconds),
        )
    finally:
        await redis.aclose()


async def _assemble(
    settings: MemorySettings, store: Store, stub: Any, stack: AsyncExitStack
) -> tuple[Parts, Background]:
    clock = SystemClock()
    locks: KeyedLocks[Owner] = KeyedLocks()
    guard = ModelGuard(store.redis)
    await _check_model(stub, guard)
    embedding = EmbeddingClient(
        stub,
        guard.accepts,
        dimension=settings.dimension,
        timeout=settings.embed_timeout_seconds,
    )
    stream = ExtractStream(stub, timeout=settings.extract_timeout_seconds)
    stack.push_async_callback(stream.close)
    extraction = SessionExtraction(
        store.sessions,
        store.memories,
        RemoteExtractor(stream, guard.accepts, dimension=settings.dimension),
        locks,
        clock,
        delta_messages=settings.delta_messages,
    )
    revisions = Revisions(store.memories)
    tokens = PageTokens(await shared_secret(store.redis, secrets.token_bytes(32)))
    flush = Flush(store.sessions, extraction, store.leases)
    changes = SessionChanges(store.redis)
    feed = ChangeFeed(store.redis)
    signal = RevisionSignal(feed)
    parts = Parts(
        sessions=store.sessions,
        flush=flush,
        working_memory=WorkingMemory(store.sessions, changes, flush, clock),
        long_term=LongTermMemory(store.memories, store.search, embedding, locks, clock),
        updates=MemoryUpdates(store.memories, store.history, embedding, locks, clock),
        history=History(store.history, tokens),
        listing=Listing(store.search, tokens, revisions),
        search=Search(store.search, embedding, revisions),
        revisions=revisions,
        page_tokens=tokens,
        watching=Watching(
            feed,
            store.memories,
            revisions,
            signal,
            checkpoint_seconds=settings.watch_checkpoint_seconds,
        ),
        erasing=Erasing(Eraser(store.redis), store.search, clock),
        clock=clock,
    )
    sweep = VectorSweep(store.memories, embedding, every=settings.sweep_seconds)
    return parts, Background(_pump(settings, store, extraction), sweep, signal)


def _pump(settings: MemorySettings, store: Store, extraction: SessionExtraction) -> Pump:
    return Pump(
        store.queue,
        extraction,
        store.leases,
        settings.timing,
        parallel_sessions=settings.parallel_sessions,
        waiting_sessions=settings.waiting_sessions,
    )


async def _check_model(stub: ExtractorServiceAsyncStub, guard: ModelGuard) -> None:
    """Refuse to start beside an extractor whose vectors do not go with those that are stored."""
    try:
        info = await stub.GetInfo(GetInfoRequest(), timeout=MODEL_SECONDS)
    except grpc.aio.AioRpcError:
        return  # It is away; the guard looks again at every vector.
    await guard.check(info.embedding_model)


def _servicer(parts: Parts) -> MemoryServicer:
    # The generated types call what is not served abstract; at run time it answers UNIMPLEMENTED.
    return MemoryServicer(parts)  # type: ignore[abstract]


def _background(
    settings: MemorySettings, background: Background
) -> list[Coroutine[Any, Any, None]]:
    extraction = [background.pump.run(), background.sweep.run()] if settings.extraction else []
    return [background.signal.run(), *extraction]


@asynccontextmanager
async def _running(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Run `work` beside the block, and end with it; if it fails, the block is cancelled."""
    async with asyncio.TaskGroup() as group:
        task = group.create_task(work)
        yield
        task.cancel()


async def _answers(redis: Redis) -> bool:
    return bool(await redis.ping())


def _metrics(settings: MemorySettings, registry: CollectorRegistry) -> Any:
    return serve_metrics(registry, settings.metrics_host, settings.metrics_port)


def _interceptors(settings: MemorySettings, registry: CollectorRegistry) -> list[Any]:
    authenticator = AnonymousAuthenticator(settings.tenant)
    return [*standard_interceptors(registry, authenticator), DomainErrorsInterceptor()]
