"""The product's operations, as a Python caller of the generated stubs sends them."""

from __future__ import annotations

import itertools
import math
import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import grpc.aio
from agentmemory.v1 import extractor_service_pb2, memory_pb2, memory_service_pb2
from agentmemory.v1.extractor_service_pb2_grpc import ExtractorServiceStub
from agentmemory.v1.memory_service_pb2_grpc import MemoryServiceStub

from . import corpus
from .load import CALL_SECONDS, FLUSH_SECONDS, Operation, Target
from .measure import BenchmarkError

if TYPE_CHECKING:
    # The asynchronous stub is a type only; a MemoryServiceStub on an aio channel is one.
    from agentmemory.v1.memory_service_pb2_grpc import MemoryServiceAsyncStub

READER = "reader"
"""The user whose memories are searched."""

WRITERS = 64
"""Users who are written for in turn: more than call at once, so that none waits for another."""

HITS = 10
LEAST_MEMORIES = 100
"""Of fewer, the words of some question are in fewer than HITS."""

BATCH = 32
"""Memories in a batch, and texts in a batch of the raw model."""

FLUSHED_TURNS = 32
"""Turns of a session that is flushed: one delta."""

_FLUSHED_TURNS_PER_SECOND = 2000
"""More than can be extracted, so that sessions to flush do not run out."""

_EMBEDDED = memory_pb2.EMBEDDING_STATE_READY
_QUERY = extractor_service_pb2.EMBED_PURPOSE_QUERY
_CREATED = memory_service_pb2.CREATE_OUTCOME_CREATED


@asynccontextmanager
async def append(target: Target, _: float) -> AsyncIterator[Operation]:
    """AppendMessages, one message a call."""
    run = secrets.token_hex(4)
    async with stub_of(target) as stub:

        async def call(request: memory_service_pb2.AppendMessagesRequest) -> None:
            await stub.AppendMessages(request, timeout=CALL_SECONDS)

        requests = (append_request(target.namespace, run, n) for n in itertools.count())
        yield Operation(requests, call)


def append_request(
    namespace: str, session: str, n: int
) -> memory_service_pb2.AppendMessagesRequest:
    """Return the nth append, to the session of one of the writers."""
    return memory_service_pb2.AppendMessagesRequest(
        scope=scope_of(namespace, _writer(n), session), messages=[message_of(n)]
    )


@asynccontextmanager
async def create(target: Target, _: float) -> AsyncIterator[Operation]:
    """CreateMemories, one memory a call."""
    async with _creating(target, 1) as operation:
        yield operation


@asynccontextmanager
async def create_batch(target: Target, _: float) -> AsyncIterator[Operation]:
    """CreateMemories, BATCH memories a call."""
    async with _creating(target, BATCH) as operation:
        yield operation


@asynccontextmanager
async def search_hybrid(
    target: Target, _: float, *, user: str = READER
) -> AsyncIterator[Operation]:
    """SearchMemories by meaning and words."""
    async with _searching(target, memory_pb2.SEARCH_MODE_HYBRID, user) as operation:
        yield operation


@asynccontextmanager
async def search_semantic(target: Target, _: float) -> AsyncIterator[Operation]:
    """SearchMemories by meaning."""
    async with _searching(target, memory_pb2.SEARCH_MODE_SEMANTIC) as operation:
        yield operation


@asynccontextmanager
async def search_keyword(target: Target, _: float) -> AsyncIterator[Operation]:
    """SearchMemories by words."""
    async with _searching(target, memory_pb2.SEARCH_MODE_KEYWORD) as operation:
        yield operation


@asynccontextmanager
async def flush(
    target: Target, seconds: float, *, most: int = _FLUSHED_TURNS_PER_SECOND
) -> AsyncIterator[Operation]:
    """FlushSession of sessions of FLUSHED_TURNS turns, appended before the clock starts.

    There are sessions for `most` turns a second.
    """
    run = secrets.token_hex(4)
    count = math.ceil(most * seconds / FLUSHED_TURNS) + 1
    first = FLUSHED_TURNS * secrets.randbelow(10_000)  # not what another round has said
    async with stub_of(target) as stub:

        async def call(request: memory_service_pb2.FlushSessionRequest) -> None:
            response = await stub.FlushSession(request, timeout=FLUSH_SECONDS)
            _check(response.extracted_through == FLUSHED_TURNS, "a session was not extracted")

        requests = [
            await _session(stub, target.namespace, f"{run}-{n}", first + n * FLUSHED_TURNS)
            for n in range(count)
        ]
        yield Operation(iter(requests), call, units=FLUSHED_TURNS)


@asynccontextmanager
async def embed(target: Target, _: float) -> AsyncIterator[Operation]:
    """Embed of the extractor, asked directly, one question a call."""
    async with grpc.aio.insecure_channel(target.extractor) as channel:
        await channel.channel_ready()
        stub = ExtractorServiceStub(channel)

        async def call(n: int) -> None:
            texts = [corpus.question(n)]
            request = extractor_service_pb2.EmbedRequest(texts=texts, purpose=_QUERY)
            await stub.Embed(request, timeout=CALL_SECONDS)

        yield Operation(itertools.count(), call)


def load_requests(
    namespace: str, user: str, memories: int
) -> Iterator[memory_service_pb2.CreateMemoriesRequest]:
    """Yield what creates so many memories of one user."""
    for first in range(0, memories, BATCH):
        size = min(BATCH, memories - first)
        yield memory_service_pb2.CreateMemoriesRequest(
            scope=scope_of(namespace, user), memories=_memories(first, size)
        )


async def create_checked(
    stub: MemoryServiceAsyncStub, request: memory_service_pb2.CreateMemoriesRequest
) -> None:
    """Create memories, all of them new and with their vectors. Raises BenchmarkError."""
    response = await stub.CreateMemories(request, timeout=CALL_SECONDS)
    created = all(
        result.outcome == _CREATED and result.memory.embedding_state == _EMBEDDED
        for result in response.results
    )
    _check(created, "a memory was not created with its vector")


@asynccontextmanager
async def _creating(target: Target, size: int) -> AsyncIterator[Operation]:
    # Users of this round alone: a text that a user has already is not created again.
    run = secrets.token_hex(4)

    def request(n: int) -> memory_service_pb2.CreateMemoriesRequest:
        return memory_service_pb2.CreateMemoriesRequest(
            scope=scope_of(target.namespace, f"{run}-{_writer(n)}"),
            memories=_memories(n * size, size),
        )

    async with stub_of(target) as stub:

        async def call(request: memory_service_pb2.CreateMemoriesRequest) -> None:
            await create_checked(stub, request)

        yield Operation(map(request, itertools.count()), call, units=size)


@asynccontextmanager
async def _searching(
    target: Target, mode: memory_pb2.SearchMode.ValueType, user: str = READER
) -> AsyncIterator[Operation]:
    def request(n: int) -> memory_service_pb2.SearchMemoriesRequest:
        return memory_service_pb2.SearchMemoriesRequest(
            scope=scope_of(target.namespace, user),
            query=corpus.question(n),
            options=memory_pb2.SearchOptions(mode=mode),
            limit=HITS,
        )

    async with stub_of(target) as stub:

        async def call(request: memory_service_pb2.SearchMemoriesRequest) -> None:
            response = await stub.SearchMemories(request, timeout=CALL_SECONDS)
            whole = len(response.hits) == HITS and not response.degraded
            _check(whole, "a search was not answered in full")

        yield Operation(map(request, itertools.count()), call)


async def _session(
    stub: MemoryServiceAsyncStub, namespace: str, session: str, first: int
) -> memory_service_pb2.FlushSessionRequest:
    """Append the turns from `first` on, to a user of their own, and return what flushes them."""
    scope = scope_of(namespace, session, session)
    messages = [message_of(first + i) for i in range(FLUSHED_TURNS)]
    request = memory_service_pb2.AppendMessagesRequest(scope=scope, messages=messages)
    await stub.AppendMessages(request, timeout=CALL_SECONDS)
    return memory_service_pb2.FlushSessionRequest(scope=scope)


@asynccontextmanager
async def stub_of(target: Target) -> AsyncIterator[MemoryServiceAsyncStub]:
    """A client of the service."""
    async with grpc.aio.insecure_channel(target.memory) as channel:
        await channel.channel_ready()
        yield MemoryServiceStub(channel)


def scope_of(namespace: str, user: str, session: str = "") -> memory_pb2.Scope:
    """Return the scope of a user, or of a session of theirs."""
    return memory_pb2.Scope(namespace=namespace, user_id=user, session_id=session)


def _writer(n: int) -> str:
    return f"writer-{n % WRITERS}"


def message_of(n: int) -> memory_pb2.Message:
    """Return the nth turn of the corpus."""
    return memory_pb2.Message(
        role=memory_pb2.ROLE_USER, name=corpus.speaker(n), content=corpus.turn(n)
    )


def _memories(first: int, count: int) -> list[memory_pb2.Memory]:
    return [memory_pb2.Memory(text=corpus.memory_text(first + i)) for i in range(count)]


def _check(held: bool, otherwise: str) -> None:
    """A wrong answer is not worth timing."""
    if not held:
        raise BenchmarkError(otherwise)
