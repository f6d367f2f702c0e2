"""The parts that the product is made of, asked directly: an echo RPC, Redis, the models."""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import cache
from typing import Any, cast

import grpc.aio
from agentmemory.v1 import extractor_service_pb2
from agentmemory.v1.extractor_service_pb2_grpc import ExtractorServiceStub
from redis.asyncio import Redis

from extractor_service.domain import Role, Turn
from extractor_service.model import ModelChoice, locate
from extractor_service.threads import usable_cpus
from memory_service.domain.lexical import query_terms
from memory_service.domain.owner import Owner
from memory_service.domain.search import Ask, Selection
from memory_service.domain.sides import Side, sides_of
from memory_service.store.connection import connect
from memory_service.store.search import TIMEOUT_MS, MemorySearch, whole

from . import corpus, echo, operations
from .load import CALL_SECONDS, Operation, Target
from .measure import Sample

TENANT = "default"
"""What the service takes every caller for."""

QUESTIONS = 64
"""Questions whose vectors are asked for before the clock starts."""

Commands = list[tuple[Any, ...]]

_NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)


@asynccontextmanager
async def echo_rpc(target: Target, _: float) -> AsyncIterator[Operation]:
    """A unary RPC that gives back as many bytes as an append sends."""
    payload = operations.append_request(target.namespace, "session", 0).SerializeToString()
    async with grpc.aio.insecure_channel(target.echo) as channel:
        await channel.channel_ready()
        method: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(echo.METHOD)

        async def call(request: bytes) -> None:
            await method(request, timeout=CALL_SECONDS)

        yield Operation(itertools.repeat(payload), call)


@asynccontextmanager
async def redis_xadd(target: Target, _: float) -> AsyncIterator[Operation]:
    """A bare XADD of as many bytes as an append sends."""
    payload = operations.append_request(target.namespace, "session", 0).SerializeToString()
    async with _redis(target) as redis:

        async def call(n: int) -> None:
            await redis.xadd(
                f"benchmark:{target.namespace}:{n % operations.WRITERS}", {"m": payload}
            )

        yield Operation(itertools.count(), call)


@asynccontextmanager
async def redis_hybrid(target: Target, _: float) -> AsyncIterator[Operation]:
    """The service's own pipeline of KNN and BM25, with a vector made before."""
    async with _asking(target, semantic=True, keyword=True) as operation:
        yield operation


@asynccontextmanager
async def redis_knn(target: Target, _: float) -> AsyncIterator[Operation]:
    """The service's own KNN, with a vector made before."""
    async with _asking(target, semantic=True, keyword=False) as operation:
        yield operation


@asynccontextmanager
async def redis_bm25(target: Target, _: float) -> AsyncIterator[Operation]:
    """The service's own BM25."""
    async with _asking(target, semantic=False, keyword=True) as operation:
        yield operation


def encode(text: Callable[[int], str], size: int, _: Target, seconds: float) -> Sample:
    """Encode `size` texts a call with sentence-transformers itself."""
    model = _sentence_transformer()
    texts = map(text, itertools.count())
    return _repeat(
        lambda: model.encode(list(itertools.islice(texts, size)), batch_size=size), size, seconds
    )


def parse(size: int, _: Target, seconds: float) -> Sample:
    """Parse `size` turns a call with spaCy's own `pipe`."""
    nlp = _spacy()
    turns = map(corpus.turn, itertools.count())
    return _repeat(lambda: list(nlp.pipe(itertools.islice(turns, size))), size, seconds)


def extract(size: int, _: Target, seconds: float) -> Sample:
    """Extract from `size` turns a call with the rules themselves, on the same parser.

    In one thread: turns a second are turns a second of one core.
    """
    from extractor_service.rules import CONTEXT_TURNS, RulesExtractor

    rules = RulesExtractor(_spacy())
    turns = map(_turn, itertools.count())

    def call() -> None:
        session = tuple(itertools.islice(turns, size))
        for place, turn in enumerate(session):
            rules.extract(turn, session[max(0, place - CONTEXT_TURNS) : place])

    return _repeat(call, size, seconds)


def _turn(n: int) -> Turn:
    return Turn(str(n), Role.USER, corpus.speaker(n), corpus.turn(n), _NOON)


def _repeat(call: Callable[[], object], units: int, seconds: float) -> Sample:
    latencies: list[float] = []
    start = now = time.perf_counter()
    while now < start + seconds:
        before = now
        call()
        now = time.perf_counter()
        latencies.append(now - before)
    return Sample(now - start, tuple(latencies), units)


@cache
def _sentence_transformer() -> Any:
    folder = locate(ModelChoice()).folder
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as the extractor has it
    import torch
    from sentence_transformers import SentenceTransformer
    from transformers.utils import logging

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    torch.set_num_threads(usable_cpus())
    return SentenceTransformer(str(folder), device="cpu", local_files_only=True)


@cache
def _spacy() -> Any:
    from extractor_service.rules.parse import load

    return load()


@asynccontextmanager
async def _asking(target: Target, *, semantic: bool, keyword: bool) -> AsyncIterator[Operation]:
    questions = [corpus.question(n) for n in range(QUESTIONS)]
    vectors = await _embed(target, questions)
    owner = Owner.user(TENANT, target.namespace, operations.READER)
    commands = [
        _commands(owner, vector if semantic else None, question if keyword else "")
        for question, vector in zip(questions, vectors, strict=True)
    ]
    async with _redis(target) as redis:

        async def call(request: Commands) -> None:
            async with redis.pipeline(transaction=False) as pipe:
                for command in request:
                    pipe.execute_command(*command)
                for reply in await pipe.execute():
                    whole(reply)

        yield Operation(itertools.cycle(commands), call)


def _commands(owner: Owner, vector: bytes | None, question: str) -> Commands:
    hybrid = vector is not None and bool(question)
    sides = sides_of(Selection((owner,)), operations.HITS, hybrid=hybrid)
    return recorded(sides, vector, query_terms(question))


def recorded(sides: Sequence[Side], vector: bytes | None, words: Sequence[str]) -> Commands:
    """Return the very commands that the service sends for a search."""
    search, commands = MemorySearch(cast(Redis, None)), []
    for side in sides:
        if vector is not None:
            commands.append(search.nearest(Ask(side.selection, side.near), vector, TIMEOUT_MS))
        if words:
            commands.append(search.having(Ask(side.selection, side.having), words, TIMEOUT_MS))
    return [tuple(command) for command in commands]


async def _embed(target: Target, texts: list[str]) -> list[bytes]:
    request = extractor_service_pb2.EmbedRequest(
        texts=texts, purpose=extractor_service_pb2.EMBED_PURPOSE_QUERY
    )
    async with grpc.aio.insecure_channel(target.extractor) as channel:
        response = await ExtractorServiceStub(channel).Embed(request, timeout=CALL_SECONDS)
    return list(response.vectors)


@asynccontextmanager
async def _redis(target: Target) -> AsyncIterator[Redis]:
    redis = connect(target.redis_url)
    try:
        await redis.ping()
        yield redis
    finally:
        await redis.aclose()
