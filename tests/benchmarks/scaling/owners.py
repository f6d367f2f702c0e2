"""How a search grows with the memories of its owner, and with those of others in the index.

The memories are written as the store writes them, past the service, with vectors of no meaning: an
index that compares all vectors of an owner takes the same time whatever they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from redis.asyncio import Redis

from memory_service.domain.owner import Owner
from memory_service.store import records
from memory_service.store.backlog import read_index
from memory_service.store.keys import INDEX_ALIAS, OwnerKeys
from memory_service.store.spaces import FIRST
from tests.benchmarks import operations
from tests.benchmarks.baselines import TENANT
from tests.benchmarks.index.engine import batches, made_up
from tests.benchmarks.measure import percentile
from tests.benchmarks.processes import Processes

from .costs import drive
from .stand import Stand

_DIMENSION = 384
_OTHERS_EACH = 500


@dataclass(frozen=True)
class Asked:
    """Hybrid searches of an owner with so many memories, in an index of so many in all.

    Seconds; `cpu` by process, of one search.
    """

    own: int
    indexed: int
    p50: float
    p95: float
    cpu: dict[str, float]


@dataclass(frozen=True)
class Sizes:
    """How many memories the owners have who are asked, and all others together."""

    owners: tuple[int, ...]
    others: int


FULL = Sizes((1_000, 10_000, 20_000), 50_000)
QUICK = Sizes((100, 300), 1_000)


async def measure(
    stand: Stand, redis: Redis, processes: Processes, seconds: float, sizes: Sizes
) -> list[Asked]:
    """Search the smallest owner, then again among others, then the larger ones."""
    smallest, *larger = sizes.owners
    await _write(redis, stand.one.namespace, _name(smallest), smallest)
    found = [await _ask(stand, redis, processes, seconds, smallest)]
    for number in range(sizes.others // _OTHERS_EACH):
        await _write(redis, stand.one.namespace, f"other-of-many-{number}", _OTHERS_EACH)
    found.append(await _ask(stand, redis, processes, seconds, smallest))
    for size in larger:
        await _write(redis, stand.one.namespace, _name(size), size)
        found.append(await _ask(stand, redis, processes, seconds, size))
    return found


def _name(size: int) -> str:
    return f"owner-of-{size}"


async def _ask(
    stand: Stand, redis: Redis, processes: Processes, seconds: float, size: int
) -> Asked:
    print(f"owners: {size:,} memories", flush=True)
    opening = partial(operations.search_hybrid, user=_name(size))
    run = partial(drive, opening, callers=1, target=stand.one, pids=stand.processes)
    await processes.run("clients", partial(run, seconds=seconds / 4))
    counted = await processes.run("clients", partial(run, seconds=seconds))
    latencies = counted.sample.latencies
    return Asked(
        size,
        await indexed(redis),
        percentile(latencies, 50),
        percentile(latencies, 95),
        {name: used / counted.units for name, used in counted.cpu.items()},
    )


async def indexed(redis: Redis) -> int:
    """Return how many memories the index has."""
    return (await read_index(redis, INDEX_ALIAS)).memories


async def _write(redis: Redis, namespace: str, user: str, count: int) -> None:
    for batch in batches(_hashes(Owner.user(TENANT, namespace, user), count)):
        async with redis.pipeline(transaction=False) as pipe:
            for key, fields in batch:
                pipe.hset(key, mapping=fields)
            await pipe.execute()


def _hashes(owner: Owner, count: int) -> Iterator[tuple[str, dict[str, str | bytes]]]:
    space = replace(FIRST, dimension=_DIMENSION)
    random = np.random.default_rng(count)
    for row in range(count):
        vector = random.standard_normal(_DIMENSION, dtype=np.float32)
        vector /= np.linalg.norm(vector)
        memory = made_up(row, owner)
        yield OwnerKeys(owner).memory(memory.id), records.encode(memory, vector.tobytes(), space)
