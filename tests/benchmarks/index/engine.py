"""An index as the service makes it, with another algorithm or another precision of its vectors."""

from __future__ import annotations

import itertools
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from redis.asyncio import Redis

from memory_service.domain.memory import Memory, MemoryType
from memory_service.domain.owner import Owner
from memory_service.domain.search import Selection
from memory_service.embedded import EmbeddedRedis
from memory_service.store import query, records, schema
from memory_service.store.connection import connect
from memory_service.store.keys import OwnerKeys
from memory_service.store.query import DISTANCE, Query
from memory_service.store.schema import Algorithm
from memory_service.store.search import whole
from memory_service.store.spaces import FIRST
from tests.benchmarks.corpus import memory_text
from tests.benchmarks.measure import BenchmarkError

from .population import DIMENSION, Population, Vectors

PRECISIONS = {"FLOAT32": np.dtype("<f4"), "FLOAT16": np.dtype("<f2")}

_INDEX = "am:index:bench"
_SPACE = replace(FIRST, dimension=DIMENSION, index=_INDEX)
_BATCH = 500
_TIMEOUT_MS = "60000"
_ANYBODY = Query("*", ())


@dataclass(frozen=True)
class Make:
    """How an index keeps vectors."""

    algorithm: Algorithm
    precision: str

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of a number."""
        return PRECISIONS[self.precision]

    def __str__(self) -> str:
        return f"{self.algorithm} {self.precision}"


@dataclass(frozen=True)
class Loaded:
    """What loading took: seconds in Redis, those that its CPU worked, and bytes.

    The bytes are those of the whole server, and of the vectors' index among them.
    """

    seconds: float
    cpu_seconds: float
    server_bytes: int
    vector_index_bytes: int


def owner(number: int) -> Owner:
    """Return the nth owner."""
    return Owner.user("bench", "index", f"user-{number}")


class Engine:
    """A Redis of its own with one index, to be filled and searched."""

    def __init__(self, redis: Redis, make: Make) -> None:
        self._redis = redis
        self._make = make
        self._rows: dict[bytes, int] = {}

    async def load(self, population: Population, advance: Callable[[int], object]) -> Loaded:
        """Make the index, and write all memories as the store writes them."""
        before, cpu_before = await self._used_memory(), await self.cpu_seconds()
        creation = schema.creation(_INDEX, _SPACE, self._make.algorithm)
        place = creation.index("FLOAT32")
        creation[place] = self._make.precision
        await self._redis.execute_command(*creation)
        seconds = 0.0
        for batch in batches(self._hashes(population)):
            start = time.perf_counter()
            async with self._redis.pipeline(transaction=False) as pipe:
                for key, fields in batch:
                    pipe.hset(key, mapping=fields)
                await pipe.execute()
            seconds += time.perf_counter() - start
            advance(len(batch))
        cpu = await self.cpu_seconds() - cpu_before
        await self._check(population.size)
        return Loaded(
            seconds, cpu, await self._used_memory() - before, await self._vector_index_bytes()
        )

    async def nearest(
        self, vector: Vectors, k: int, *, whose: int | None, ef: int | None
    ) -> tuple[list[int], float]:
        """Return the rows of the `k` nearest of an owner, or of all, and the seconds it took."""
        base = _ANYBODY if whose is None else query.compile_selection(Selection((owner(whose),)))
        asked = query.nearest(base, vector.astype(self._make.dtype).tobytes(), k)
        if ef is not None:
            asked = replace(asked, text=asked.text.replace(" AS ", f" EF_RUNTIME {ef} AS "))
        returned = (*records.RETURNED, DISTANCE)
        start = time.perf_counter()
        reply = await self._redis.execute_command(
            *("FT.SEARCH", _INDEX, *asked.arguments(), "RETURN", str(len(returned)), *returned),
            *("SORTBY", DISTANCE, "ASC", "LIMIT", "0", str(k), "TIMEOUT", _TIMEOUT_MS),
        )
        seconds = time.perf_counter() - start
        return [self._rows[found[b"id"]] for found in whole(reply)[b"results"]], seconds

    def _hashes(self, population: Population) -> Iterator[tuple[str, dict[str, str | bytes]]]:
        vectors = population.vectors.astype(self._make.dtype)
        for row, number in enumerate(population.owner_of()):
            memory = made_up(row, owner(number))
            key = OwnerKeys(memory.owner).memory(memory.id)
            self._rows[key.encode()] = row
            yield key, records.encode(memory, vectors[row].tobytes(), _SPACE)

    async def cpu_seconds(self) -> float:
        """Return how long the server has been computing: others on the machine do not count."""
        used = await self._redis.info("cpu")
        return float(used["used_cpu_sys"] + used["used_cpu_user"])

    async def _used_memory(self) -> int:
        return int((await self._redis.info("memory"))["used_memory"])

    async def _vector_index_bytes(self) -> int:
        info = await self._redis.execute_command("FT.INFO", _INDEX)
        return round(float(info[b"vector_index_sz_mb"]) * 2**20)

    async def _check(self, size: int) -> None:
        """A document that the index refuses is missing without a word."""
        info = await self._redis.execute_command("FT.INFO", _INDEX)
        if int(info[b"num_docs"]) != size:
            raise BenchmarkError(f"the index has {int(info[b'num_docs'])} of {size} memories")


@asynccontextmanager
async def engine(make: Make) -> AsyncIterator[Engine]:
    """Start a Redis for one make of index, and stop it afterwards. Raises EmbeddedRedisError."""
    with tempfile.TemporaryDirectory(prefix="agent-memory-") as directory:
        async with EmbeddedRedis(Path(directory)) as embedded:
            redis = connect(embedded.url, max_connections=1)
            try:
                yield Engine(redis, make)
            finally:
                await redis.aclose()


def made_up(row: int, of: Owner) -> Memory:
    """Return a memory of this owner with a text of its own."""
    return Memory(
        owner=of,
        id=f"memory-{row}",
        text=memory_text(row),
        type=MemoryType.SEMANTIC,
        topics=("purchases",),
        entities=(),
        event_time=None,
        sources=(),
        confidence=1.0,
        extractor="",
        embedded=True,
        created=row + 1,
        updated=row + 1,
        revision=row + 1,
    )


def batches(
    hashes: Iterator[tuple[str, dict[str, str | bytes]]],
) -> Iterator[list[tuple[str, dict[str, str | bytes]]]]:
    """Yield what is written in a pipeline each."""
    while batch := list(itertools.islice(hashes, _BATCH)):
        yield batch
