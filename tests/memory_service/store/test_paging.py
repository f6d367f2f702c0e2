from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from memory_service.domain.filters import AnyOf, Filter, TagField
from memory_service.domain.memory import Memory, MemoryType
from memory_service.domain.orders import NEWEST_FIRST, Order, OrderBy
from memory_service.domain.search import Selection
from memory_service.store import paging, query
from memory_service.store.keys import OwnerKeys, owner_tag
from memory_service.store.paging import MemoryPages, Place
from tests.support.memories import ALICE, BOB, SHARED, make, put

BOTH = Selection((ALICE, SHARED))
ORDERS = [Order(by, ascending) for by in OrderBy for ascending in (False, True)]
BASE = 1_700_000_000_000_000
FAR = 250_000_000_000_000_000
"""A time that a double knows to 32 microseconds only."""

ID_LETTERS = "aAbB~%!, |{}*é\u00ff\uffff\U0001f600中"
"""Percent-encoded, some of these come in another order than byte by byte."""

memories = st.builds(
    lambda id_, owner, created, updated, event: make(
        id_, owner=owner, created=BASE + created, updated=BASE + updated, event=event
    ),
    st.text(ID_LETTERS, min_size=1, max_size=3),
    st.sampled_from([ALICE, SHARED]),
    st.integers(0, 3),
    st.integers(0, 3),
    st.none() | st.sampled_from([0, -FAR // 4, FAR, FAR + 1, FAR + 40, BASE]),
)


def key_of(memory: Memory) -> tuple[Any, str]:
    return memory.owner, memory.id


def unique(found: Iterable[Memory]) -> dict[tuple[Any, str], Memory]:
    return {key_of(memory): memory for memory in found}


def expected(order: Order, found: Iterable[Memory]) -> list[Memory]:
    """The order that the contract promises, by plain sorting."""

    def place(memory: Memory) -> tuple[float, bytes, str]:
        value: float = 0.0
        if order.by is OrderBy.UPDATE_TIME:
            value = memory.updated
        elif order.by is OrderBy.CREATE_TIME or memory.event_time is None:
            value = memory.created
        else:
            value = float(memory.event_time.micros)
        value = 0.0 if order.by is OrderBy.ID else value
        return value, memory.id.encode(), owner_tag(memory.owner)

    def in_order(some: list[Memory]) -> list[Memory]:
        return sorted(some, key=place, reverse=not order.ascending)

    if order.by is not OrderBy.EVENT_TIME:
        return in_order(list(found))
    dated = [memory for memory in found if memory.event_time is not None]
    undated = [memory for memory in found if memory.event_time is None]
    return in_order(dated) + in_order(undated)


async def page(
    redis: Redis,
    order: Order,
    after: Place | None,
    limit: int,
    selection: Selection = BOTH,
) -> tuple[list[Memory], Place | None]:
    found = await MemoryPages(redis).page(selection, order, after=after, limit=limit)
    last = found[-1][0] if len(found) == limit else None
    return [memory for _, memory in found if memory is not None], last


async def all_pages(
    redis: Redis, order: Order, size: int, selection: Selection = BOTH
) -> list[Memory]:
    seen, after = await page(redis, order, None, size, selection)
    while after is not None:
        more, after = await page(redis, order, after, size, selection)
        seen += more
    return seen


async def clear(redis: Redis) -> None:
    for key in await redis.keys("am:mem:*"):
        await redis.delete(key)


async def remove(redis: Redis, memory: Memory) -> None:
    await redis.delete(OwnerKeys(memory.owner).memory(memory.id))


RANDOM = settings(
    deadline=None,
    max_examples=150,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@RANDOM
@given(
    order=st.sampled_from(ORDERS),
    size=st.integers(1, 6),
    slack=st.integers(1, 3),
    begin=st.lists(memories, max_size=25),
    later=st.lists(st.lists(st.tuples(st.booleans(), memories), max_size=8), max_size=12),
)
async def test_what_was_there_all_along_is_listed_once_and_in_order_whatever_comes_and_goes(
    redis: Redis,
    order: Order,
    size: int,
    slack: int,
    begin: list[Memory],
    later: list[list[tuple[bool, Memory]]],
) -> None:
    await clear(redis)
    now = unique(begin)
    await put(redis, *now.values())
    touched: set[tuple[Any, str]] = set()
    ever = dict(now)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(paging, "SLACK", slack)
        seen, after = await page(redis, order, None, size)
        for changes in [*later, *([[]] * 200)]:
            if after is None:
                break
            for comes, memory in changes:
                if comes and key_of(memory) not in ever:
                    await put(redis, memory)
                    now[key_of(memory)] = ever[key_of(memory)] = memory
                    touched.add(key_of(memory))
                elif not comes and now:
                    key = sorted(now, key=str)[len(memory.id) % len(now)]
                    await remove(redis, now.pop(key))
                    touched.add(key)
            more, after = await page(redis, order, after, size)
            seen += more
    assert after is None
    assert len(unique(seen)) == len(seen)
    assert seen == expected(order, seen)
    assert {key_of(m) for m in seen} >= ever.keys() - touched
    assert [m for m in seen if key_of(m) not in touched] == expected(
        order, [m for key, m in ever.items() if key not in touched]
    )


@RANDOM
@given(
    order=st.sampled_from(ORDERS),
    found=st.lists(memories, max_size=40),
    size=st.integers(1, 45),
)
async def test_one_big_page_and_many_small_ones_say_the_same(
    redis: Redis, order: Order, found: list[Memory], size: int
) -> None:
    await clear(redis)
    there = unique(found)
    await put(redis, *there.values())
    assert await all_pages(redis, order, size) == expected(order, there.values())


@pytest.mark.parametrize("order", ORDERS, ids=str)
async def test_a_thousand_memories_of_one_time_are_all_listed(redis: Redis, order: Order) -> None:
    same = [make(f"{n:04}", created=BASE, updated=BASE, event=5) for n in range(1000)]
    others = [make(f"x{n}", created=BASE + n, updated=BASE + n, event=n) for n in (-1, 1)]
    await put(redis, *same, *others)
    seen = await all_pages(redis, order, 90)
    assert seen == expected(order, [*same, *others])


@pytest.mark.parametrize("ascending", [False, True])
async def test_a_list_by_id_is_found_again_after_many_came_or_went(
    redis: Redis, ascending: bool
) -> None:
    order = Order(OrderBy.ID, ascending)
    stay = [make(f"m{n:03}") for n in range(200)]
    before = [make(f"{letter}{n:03}") for letter in "az" for n in range(150)]
    await put(redis, *stay)
    first, after = await page(redis, order, None, 50)
    await put(redis, *before)
    second, after = await page(redis, order, after, 50)
    for memory in before:
        await remove(redis, memory)
    third, after = await page(redis, order, after, 50)
    fourth, after = await page(redis, order, after, 200)
    assert [m for m in (*first, *second, *third, *fourth) if m.id[0] == "m"] == expected(
        order, stay
    )


async def test_without_event_time_memories_come_last_in_either_direction(redis: Redis) -> None:
    await put(
        redis,
        make("dated 2", event=2, created=1),
        make("dated 1", event=1, created=2),
        make("undated 3", created=3),
        make("undated 4", created=4),
    )
    down = await all_pages(redis, Order(OrderBy.EVENT_TIME, ascending=False), 1)
    up = await all_pages(redis, Order(OrderBy.EVENT_TIME, ascending=True), 3)
    assert [m.id for m in down] == ["dated 2", "dated 1", "undated 4", "undated 3"]
    assert [m.id for m in up] == ["dated 1", "dated 2", "undated 3", "undated 4"]


async def test_the_selection_holds_on_every_page(redis: Redis) -> None:
    mine = [make(str(n), topics=["tea"], created=n, event=n % 2 or None) for n in range(9)]
    await put(
        redis,
        *mine,
        *(make(f"coffee {n}", topics=["coffee"], created=n) for n in range(9)),
        *(make(f"bob {n}", owner=BOB, topics=["tea"], created=n) for n in range(9)),
        make("said", topics=["tea"], type_=MemoryType.MESSAGE),
    )
    tea = Selection((ALICE,), filter=Filter(must=(AnyOf(TagField.TOPIC, ("tea",)),)))
    for order in ORDERS:
        assert await all_pages(redis, order, 2, tea) == expected(order, mine), order


async def test_a_memory_that_goes_while_its_page_is_read_leaves_a_gap_and_no_error(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = [make(str(n), created=n) for n in range(3)]
    await put(redis, *found)
    read = MemoryPages._memories

    async def late(self: MemoryPages, *arguments: Any) -> Any:
        await remove(redis, found[1])
        return await read(self, *arguments)

    monkeypatch.setattr(MemoryPages, "_memories", late)
    rows = await MemoryPages(redis).page(BOTH, NEWEST_FIRST, after=None, limit=3)
    assert [(place.id, memory) for place, memory in rows] == [
        ("2", found[2]),
        ("1", None),
        ("0", found[0]),
    ]


async def test_a_memory_of_another_owner_is_never_listed(
    redis: Redis, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    await put(redis, make("mine"), make("theirs", owner=BOB))
    broken = query.Query("@created:[$p0 +inf]", ("-inf",))
    monkeypatch.setattr(query, "compile_selection", lambda selection: broken)
    with caplog.at_level(logging.CRITICAL):
        listed, _ = await page(redis, NEWEST_FIRST, None, 10)
    assert [memory.id for memory in listed] == ["mine"]
    assert "not asked for" in caplog.text


async def test_a_memory_says_after_an_update_what_it_says_now(redis: Redis) -> None:
    memory = make("m", "before", created=1, updated=1)
    await put(redis, memory)
    await put(redis, replace(memory, text="after", updated=2))
    listed, _ = await page(redis, Order(OrderBy.UPDATE_TIME), None, 10)
    assert [m.text for m in listed] == ["after"]
