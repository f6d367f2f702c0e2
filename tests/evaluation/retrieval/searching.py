"""A search of the running stack's memories within this process, so that its stages can be timed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import grpc.aio
from agentmemory.v1 import extractor_service_pb2 as pb
from agentmemory.v1.extractor_service_pb2_grpc import ExtractorServiceStub
from redis.asyncio import Redis

from examples.stack import Stack
from memory_service.clock import SystemClock
from memory_service.domain.asking import understand
from memory_service.domain.memory import Memory, MemoryType
from memory_service.domain.owner import Owner
from memory_service.domain.search import Arm, Arms, Ask, Found, SearchMode, Selection, View
from memory_service.domain.searching import SearchQuery
from memory_service.domain.sides import sides_of
from memory_service.embedding import EmbeddingClient
from memory_service.names_seen import NamesSeen
from memory_service.retrieval import Retrieval
from memory_service.revisions import Revisions
from memory_service.search import Search
from memory_service.search_metrics import SearchMetrics
from memory_service.store.connection import connect
from memory_service.store.history import MemoryHistory
from memory_service.store.memories import MemoryStore
from memory_service.store.scripts import Scripts
from memory_service.store.search import MemorySearch
from memory_service.time_travel import TimeTravel
from memory_service.tokens import CounterOnDemand
from tests.benchmarks.baselines import TENANT

from . import asking
from .ingredients import LIMIT, Case


class Watched(MemorySearch):
    """The engine; it remembers what it was asked last by both arms, and answered."""

    vector: bytes
    last_near: list[list[Found]]
    last_words: list[list[Found]]

    async def by_words(
        self, asks: Sequence[Ask], words: Sequence[str], timeout_ms: int
    ) -> list[list[Found]]:
        """Ask as always."""
        self.last_words = await super().by_words(asks, words, timeout_ms)
        return self.last_words

    async def by_meaning(
        self, asks: Sequence[Ask], vector: bytes, timeout_ms: int
    ) -> list[list[Found]]:
        """Ask as always."""
        self.vector = vector
        self.last_near = await super().by_meaning(asks, vector, timeout_ms)
        return self.last_near

    def found(self) -> tuple[Arms, ...]:
        """Return what was found of each side."""
        sides = zip(self.last_near, self.last_words, strict=True)
        return tuple({Arm.SEMANTIC: near, Arm.KEYWORD: having} for near, having in sides)


@dataclass(frozen=True, slots=True)
class Bench:
    """The parts of a search, apart and put together."""

    redis: Redis
    embedding: EmbeddingClient
    engine: Watched
    revisions: Revisions
    search: Search

    def query(self, user: str, text: str) -> SearchQuery:
        """Return a search of a user's turns: all options but that are the defaults."""
        owner = Owner.user(TENANT, asking.NAMESPACE, user)
        now = View(current=SystemClock().now())
        of = Selection((owner,), (MemoryType.MESSAGE,), view=now)
        return SearchQuery(text, SearchMode.HYBRID, of, LIMIT)

    async def case(self, user: str, text: str) -> tuple[Case, list[Memory]]:
        """Return what a search had to rank, and the memories that it found."""
        query = self.query(user, text)
        result = await self.search.find(query, time_left=None)
        _, names = await self.revisions.reached_with_names(query.selection.owners, 0)
        now = SystemClock().now()
        read = understand(text, names, now)
        sides = tuple(sides_of(query.selection, query.limit, hybrid=True))
        case = Case(text, names, now, read, self.engine.vector, sides, self.engine.found())
        return case, [hit.memory for hit in result.hits]

    async def engine_cpu(self) -> float:
        """Return the seconds of CPU that the engine has used so far."""
        used = await self.redis.info("cpu")
        return float(used["used_cpu_user"] + used["used_cpu_sys"])


@asynccontextmanager
async def bench(stack: Stack) -> AsyncIterator[Bench]:
    """Put a search together, on the stack's Redis and extractor."""
    redis = connect(stack.redis_url)
    try:
        async with grpc.aio.insecure_channel(stack.addresses.extractor) as channel:
            stub = ExtractorServiceStub(channel)
            model = (await stub.Embed(pb.EmbedRequest(texts=["?"]))).model
            embedding = EmbeddingClient(stub, _accept, dimension=model.dimension, timeout=30)
            engine, revisions = Watched(redis), Revisions(MemoryStore(redis, Scripts(redis)))
            past, counters = TimeTravel(MemoryHistory(redis)), CounterOnDemand()
            clock = SystemClock()
            retrieval = Retrieval(engine, embedding, revisions, NamesSeen(), clock, SearchMetrics())
            search = Search(engine, retrieval, revisions, past, counters, clock)
            yield Bench(redis, embedding, engine, revisions, search)
    finally:
        await redis.aclose()


async def _accept(_: pb.ModelInfo) -> bool:
    return True
