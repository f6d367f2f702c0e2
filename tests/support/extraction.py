"""Extraction without models: a fake extractor, a clock that stands still, and the real store."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from redis.asyncio import Redis

from memory_service.domain.errors import ExtractionFailed, ExtractorUnavailable
from memory_service.domain.known_entities import KnownEntity
from memory_service.domain.memory import (
    FACTS,
    Memory,
    MemoryType,
    NewMemory,
    Source,
    extracted_id,
)
from memory_service.domain.owner import Owner, SessionRef
from memory_service.domain.session import Message, NewMessage, Role
from memory_service.domain.session_options import DISCRETE, Strategy
from memory_service.extraction import SessionExtraction
from memory_service.extraction_metrics import ExtractionMetrics
from memory_service.extractor import DeltaLimits
from memory_service.guarding import Guard
from memory_service.keyed_locks import KeyedLocks
from memory_service.reconciling import Reconciling
from memory_service.store import records
from memory_service.store.backlog import read_backlog
from memory_service.store.keys import MEMORY_PREFIX, OwnerKeys, memory_owner_of
from memory_service.store.memories import MemoryStore
from memory_service.store.queue import WorkQueue
from memory_service.store.scripts import Scripts
from memory_service.store.search import MemorySearch
from memory_service.store.sessions import SessionStore
from service_kit.guard.policy import Policy
from tests.support.embedding import FakeEmbedding
from tests.support.memories import ALICE, vector
from tests.support.reconciling import FakeReconciler

NOW = 1_750_000_000_000_000
CHAT = SessionRef(ALICE, "chat")


class FixedClock:
    """Always says the same, until it is told otherwise."""

    def __init__(self, now: int = NOW) -> None:
        self.time = now

    def now(self) -> int:
        return self.time


class FakeExtractor:
    """Takes each message's text for a fact; a message with a poisonous word fails its delta."""

    def __init__(self, *, poison: Iterable[str] = (), messages: int = 32, context: int = 2) -> None:
        self.poison = set(poison)
        self.down = False
        self.asked: list[list[int]] = []
        self.contexts: list[list[int]] = []
        self.answered: list[int] = []
        self.strategies: list[Strategy] = []
        self.known: list[tuple[KnownEntity, ...]] = []
        self.open = asyncio.Event()
        self.open.set()
        self._limits = DeltaLimits(messages, context)

    async def limits(self) -> DeltaLimits:
        if self.down:
            raise ExtractorUnavailable
        return self._limits

    async def extract(
        self,
        ref: SessionRef,
        context: Sequence[Message],
        new: Sequence[Message],
        strategy: Strategy = DISCRETE,
        known: Sequence[KnownEntity] = (),
    ) -> list[NewMemory]:
        self.known.append(tuple(known))
        self.strategies.append(strategy)
        self.asked.append([message.sequence for message in new])
        self.contexts.append([message.sequence for message in context])
        await self.open.wait()
        if self.down:
            raise ExtractorUnavailable
        if any(message.content in self.poison for message in new):
            raise ExtractionFailed("EXTRACTION_FAILED")
        self.answered += [message.sequence for message in new]
        return [fact_of(ref, message) for message in new]


def fact_of(ref: SessionRef, message: Message) -> NewMemory:
    source = Source(ref.session_id, message.id, 0, len(message.content))
    return NewMemory(
        id=extracted_id(ref.owner, source, "fake 1", message.content),
        text=message.content,
        type=MemoryType.SEMANTIC,
        sources=(source,),
        extractor="fake 1",
        vector=vector(1),
    )


def said(*texts: str) -> list[NewMessage]:
    return [NewMessage("", Role.USER, "Alice", text, 0) for text in texts]


def numbered(count: int, *, start: int = 1) -> list[NewMessage]:
    return said(*(f"fact {n}" for n in range(start, start + count)))


@dataclass(frozen=True)
class World:
    """The store, and an extraction on it that stands for one process."""

    redis: Redis
    sessions: SessionStore
    memories: MemoryStore
    queue: WorkQueue
    extractor: FakeExtractor
    clock: FixedClock
    embedding: FakeEmbedding
    reconciler: FakeReconciler

    @property
    def reconciling(self) -> Reconciling:
        search = MemorySearch(self.redis)
        return Reconciling(self.memories, search, self.reconciler, self.clock)

    def extraction(
        self,
        extractor: FakeExtractor | None = None,
        *,
        delta_messages: int = 32,
        metrics: ExtractionMetrics | None = None,
    ) -> SessionExtraction:
        """Another process: it shares nothing but Redis with the others."""
        return SessionExtraction(
            self.sessions,
            self.memories,
            extractor or self.extractor,
            self.embedding,
            self.reconciling,
            Guard(Policy()),
            KeyedLocks[Owner](),
            self.clock,
            delta_messages=delta_messages,
            metrics=metrics,
        )

    async def append(self, *texts: str, ref: SessionRef = CHAT) -> None:
        await self.sessions.append(ref, said(*texts), now=self.clock.now())

    async def stored(
        self, owner: Owner = ALICE, types: Sequence[MemoryType] = FACTS
    ) -> list[Memory]:
        """Every fact of the owner, the oldest first, read from the hashes themselves."""
        found = [
            records.decode(owner, await self.redis.hgetall(key))
            async for key in self.redis.scan_iter(match=f"{MEMORY_PREFIX}*", count=1000)
            if memory_owner_of(key.decode()) == owner
        ]
        wanted = [memory for memory in found if memory.type in types]
        return sorted(wanted, key=lambda memory: memory.created)

    async def turns(self, owner: Owner = ALICE) -> list[Memory]:
        """Every turn that the owner can search."""
        return await self.stored(owner, [MemoryType.MESSAGE])

    async def texts(self, owner: Owner = ALICE) -> list[str]:
        return [memory.text for memory in await self.stored(owner)]

    async def waiting(self) -> int:
        return (await read_backlog(self.redis)).notices

    async def pending(self, owner: Owner = ALICE) -> int:
        """How many notices are handed out and not acknowledged in the owner's partition."""
        summary = await self.redis.xpending(OwnerKeys(owner).shared.deltas, "pump")
        return int(summary["pending"])


async def new_world(redis: Redis, extractor: FakeExtractor | None = None) -> World:
    scripts = Scripts(redis)
    world = World(
        redis,
        SessionStore(redis),
        MemoryStore(redis, scripts),
        WorkQueue(redis, scripts),
        extractor or FakeExtractor(),
        FixedClock(),
        FakeEmbedding(),
        FakeReconciler(),
    )
    await world.queue.ensure_groups()
    return world


async def dump(redis: Redis) -> dict[bytes, object]:
    """Everything in the database, to show that nothing at all was written."""
    readers = {
        b"hash": redis.hgetall,
        b"string": redis.get,
        b"set": redis.smembers,
        b"stream": redis.xrange,
    }
    found: dict[bytes, object] = {}
    async for key in redis.scan_iter(count=1000):
        kind = await redis.type(key)
        if kind == b"zset":
            found[key] = await redis.zrange(key, 0, -1, withscores=True)
        else:
            found[key] = await readers[kind](key)
    return found
