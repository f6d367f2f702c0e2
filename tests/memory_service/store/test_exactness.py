"""The arm of meaning gives the true nearest of an owner, however many memories others have."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from redis.asyncio import Redis

from memory_service.domain.filters import AnyOf, Filter, TagField
from memory_service.domain.search import Arm, Selection
from memory_service.store import schema
from memory_service.store.search import MemorySearch
from tests.support.memories import ALICE, BOB, SHARED, make, put
from tests.support.searching import arms_of

DIMENSION = 384
OWN, OTHERS = 3_000, 1_000
QUESTIONS, K = 20, 50
EVERY = 3
"""Each such memory has the topic that a filter asks for."""

Vectors = npt.NDArray[np.float32]


@pytest.fixture
async def full(bare_redis: Redis) -> tuple[Redis, Vectors]:
    """An owner's memories, in the order of their ids, and those of two others between them."""
    await schema.ensure(bare_redis, dimension=DIMENSION)
    vectors = drawn(1, OWN + 2 * OTHERS)
    owners = [ALICE] * OWN + [BOB] * OTHERS + [SHARED] * OTHERS
    order = np.random.default_rng(3).permutation(len(vectors))
    memories = [
        make(str(row), "tea", owner=owners[row], topics=[f"t{row % EVERY}"]) for row in order
    ]
    await put(bare_redis, *memories, vectors=[vectors[row].tobytes() for row in order])
    return bare_redis, vectors[:OWN]


async def test_the_nearest_are_those_that_comparing_all_finds(full: tuple[Redis, Vectors]) -> None:
    redis, vectors = full
    for question in drawn(2, QUESTIONS):
        found = await nearest(redis, question, Selection((ALICE,)))
        assert_nearest(found, vectors @ question, range(OWN))


async def test_a_filter_leaves_the_nearest_of_what_it_lets_through(
    full: tuple[Redis, Vectors],
) -> None:
    redis, vectors = full
    of_topic = Filter(must=(AnyOf(TagField.TOPIC, ("t1",)),))
    for question in drawn(2, QUESTIONS):
        found = await nearest(redis, question, Selection((ALICE,), filter=of_topic))
        assert_nearest(found, vectors @ question, range(1, OWN, EVERY))


async def nearest(redis: Redis, question: Vectors, selection: Selection) -> dict[int, float]:
    arms = await arms_of(
        MemorySearch(redis), selection, vector=question.tobytes(), words=(), k=K, timeout_ms=5000
    )
    assert all(candidate.memory.owner == ALICE for candidate in arms[Arm.SEMANTIC])
    return {int(candidate.memory.id): candidate.raw for candidate in arms[Arm.SEMANTIC]}


def assert_nearest(found: dict[int, float], cosines: Vectors, among: range) -> None:
    best = sorted(among, key=lambda row: -cosines[row])[:K]
    assert set(found) == set(best)
    assert list(found.values()) == pytest.approx([float(cosines[row]) for row in best], abs=1e-5)


def drawn(seed: int, count: int) -> Vectors:
    """Unit vectors about fifty topics, so that many are about as near as each other."""
    centres = np.random.default_rng(0).standard_normal((50, DIMENSION))
    random = np.random.default_rng(seed)
    vectors = centres[random.integers(50, size=count)] + random.standard_normal((count, DIMENSION))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: Vectors = vectors.astype(np.float32)
    return unit
