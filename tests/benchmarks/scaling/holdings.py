"""What Redis holds for a memory and for a turn: what its memory grows by, divided."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from agentmemory.v1 import memory_service_pb2 as pb
from redis.asyncio import Redis

from memory_service.store.backlog import read_index
from memory_service.store.keys import INDEX_ALIAS
from tests.benchmarks import operations
from tests.benchmarks.load import CALL_SECONDS, FLUSH_SECONDS
from tests.benchmarks.operations import FLUSHED_TURNS, message_of, scope_of
from tests.benchmarks.stand import load, loaded_in_all

from .stand import Stand


@dataclass(frozen=True)
class Held:
    """Bytes for each of `count`: of the whole server, and of the index of words and of vectors."""

    what: str
    count: int
    bytes: float
    word_index_bytes: float
    vector_index_bytes: float
    memories: float


@dataclass(frozen=True)
class _State:
    bytes: int
    word_index_bytes: int
    vector_index_bytes: int
    memories: int


async def measure(stand: Stand, redis: Redis, memories: int, sessions: int) -> list[Held]:
    """Create memories, append sessions of turns, extract them; return what each of it takes."""
    print(f"holdings: {memories:,} memories and {sessions * FLUSHED_TURNS:,} turns", flush=True)
    created = await _grown(redis, lambda: load(stand.one, memories, lambda _: None))
    scopes = [
        scope_of(stand.one.namespace, f"{secrets.token_hex(4)}-{n}", "s") for n in range(sessions)
    ]
    async with operations.stub_of(stand.one) as stub:

        async def append() -> None:
            for place, scope in enumerate(scopes):
                first = place * FLUSHED_TURNS
                said = [message_of(n) for n in range(first, first + FLUSHED_TURNS)]
                request = pb.AppendMessagesRequest(scope=scope, messages=said)
                await stub.AppendMessages(request, timeout=CALL_SECONDS)

        async def flush() -> None:
            calls = (
                stub.FlushSession(pb.FlushSessionRequest(scope=scope), timeout=FLUSH_SECONDS)
                for scope in scopes
            )
            await asyncio.gather(*calls)

        appended, flushed = await _grown(redis, append), await _grown(redis, flush)
    turns = sessions * FLUSHED_TURNS
    return [
        _each("a memory of 110 characters, created", loaded_in_all(memories), created),
        _each("a turn of 70 characters, appended", turns, appended),
        _each("a turn, extracted: itself as a memory, and its facts", turns, flushed),
    ]


async def _grown(redis: Redis, work: Callable[[], Awaitable[None]]) -> _State:
    before = await _state(redis)
    await work()
    after = await _state(redis)
    return _State(
        after.bytes - before.bytes,
        after.word_index_bytes - before.word_index_bytes,
        after.vector_index_bytes - before.vector_index_bytes,
        after.memories - before.memories,
    )


async def _state(redis: Redis) -> _State:
    index, memory = await read_index(redis, INDEX_ALIAS), await redis.info("memory")
    return _State(
        # Without the garbage of scripts, which comes and goes: as much as a hundred turns.
        int(memory["used_memory"]) - int(memory["used_memory_vm_total"]),
        index.bytes,
        index.vector_bytes,
        index.memories,
    )


def _each(what: str, count: int, grown: _State) -> Held:
    parts = grown.bytes, grown.word_index_bytes, grown.vector_index_bytes, grown.memories
    return Held(what, count, *(part / count for part in parts))
