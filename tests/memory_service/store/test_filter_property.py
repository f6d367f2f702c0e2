"""What a filter means is said twice, for the engine and in plain Python, and compared."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from functools import lru_cache

import pytest
from hypothesis import HealthCheck, example, given, settings
from redis.asyncio import Redis

from memory_service.domain import matching
from memory_service.domain.filters import (
    AnyOf,
    Condition,
    Filter,
    Has,
    MetadataHas,
    MetadataRange,
    Pinned,
    TagField,
)
from memory_service.domain.metadata import leaves
from memory_service.domain.search import Selection, View
from memory_service.store import schema
from memory_service.store.connection import command, connect
from memory_service.store.keys import INDEX_ALIAS, memory_id_of
from memory_service.store.query import compile_selection
from tests.support.filters import (
    EVERY_OWNER,
    LEAVES,
    MEMORIES,
    SELECTIONS,
    VIEWS,
    any_filter,
    selected,
)
from tests.support.memories import ALICE, BOB, put
from tests.support.redis import DIMENSION


def cases(count: int) -> settings:
    return settings(
        max_examples=count,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )


@pytest.fixture(scope="module")
async def library(redis_url: str) -> AsyncIterator[Redis]:
    client = connect(redis_url)
    try:
        await client.flushall()
        await schema.ensure(client, dimension=DIMENSION)
        await put(client, *MEMORIES)
        yield client
    finally:
        await client.aclose()


@pytest.fixture(scope="module", autouse=True)
def _read_metadata_once() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(matching, "leaves", lru_cache(maxsize=None)(leaves))
        yield


async def found(redis: Redis, selection: Selection) -> set[str]:
    asked = compile_selection(selection).arguments()
    reply = await command(
        redis, "FT.SEARCH", INDEX_ALIAS, *asked, "NOCONTENT", "LIMIT", "0", "1000"
    )
    ids = [memory_id_of(hit[b"id"].decode()) for hit in reply[b"results"]]
    assert len(ids) == reply[b"total_results"] == len(set(ids))
    return set(ids)


async def agree(redis: Redis, selection: Selection) -> int:
    """The engine and plain Python say the same; return how many memories that is."""
    engine = await found(redis, selection)
    assert engine == selected(selection)
    return len(engine)


def nothing_but(condition: Condition) -> Selection:
    return replace(EVERY_OWNER, filter=Filter(must=(condition,)))


async def test_the_engine_has_every_memory(library: Redis) -> None:
    assert await agree(library, EVERY_OWNER) == len(MEMORIES)
    assert await schema.indexing_failures(library) == 0


@cases(250)
@given(LEAVES)
@example(MetadataRange(("a",)))
@example(MetadataRange(("a",), 0.0, -0.0))
@example(MetadataRange(("a",), 1.0, 0.0))
@example(MetadataRange(("a",), float("-inf"), float("inf")))
async def test_each_condition_and_its_negation_select_what_they_say(
    library: Redis, condition: Condition
) -> None:
    with_it = await agree(library, nothing_but(condition))
    without = await agree(library, replace(EVERY_OWNER, filter=Filter(must_not=(condition,))))
    assert with_it + without == len(MEMORIES)


@cases(150)
@given(SELECTIONS)
@example(replace(EVERY_OWNER, filter=Filter(should=(Filter(),))))
@example(replace(EVERY_OWNER, filter=Filter(must_not=(Filter(),))))
@example(replace(EVERY_OWNER, filter=Filter(should=(Filter(must_not=(Pinned(True),)),))))
@example(replace(EVERY_OWNER, filter=Filter(should=(Pinned(False), MetadataHas(("a",))))))
async def test_the_engine_selects_what_the_filter_says(
    library: Redis, selection: Selection
) -> None:
    await agree(library, selection)


@cases(200)
@given(VIEWS)
@example(View(known=0))
async def test_each_view_shows_what_it_says(library: Redis, view: View) -> None:
    await agree(library, replace(EVERY_OWNER, view=view))


async def test_many_choices_with_a_negation_in_each_select_what_they_say(library: Redis) -> None:
    absent = Filter(must_not=(Has(TagField.TOPIC), Has(TagField.ENTITY)))
    choices = tuple(
        Filter(should=(AnyOf(TagField.ID, (memory.id,)), absent)) for memory in MEMORIES[:30]
    )
    wide = replace(EVERY_OWNER, filter=Filter(should=choices))
    assert 30 < await agree(library, wide) < len(MEMORIES)
    await agree(library, replace(EVERY_OWNER, filter=Filter(must_not=choices)))


@pytest.mark.parametrize("seed", range(5))
async def test_thousands_of_filters_select_what_they_say(library: Redis, seed: int) -> None:
    rng = random.Random(seed)
    selective = 0
    for _ in range(500):
        filter_ = any_filter(rng, rng.randrange(1, 4))
        owners = rng.choice([(ALICE,), (BOB,), EVERY_OWNER.owners])
        selection = replace(EVERY_OWNER, owners=owners, filter=filter_)
        everything = selected(replace(selection, filter=Filter()))
        selective += 0 < await agree(library, selection) < len(everything)
    assert selective > 100
