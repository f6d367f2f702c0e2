"""What a filter means is said twice, for the engine and here in plain Python, and compared."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from memory_service.domain.filters import (
    AllOf,
    AnyOf,
    Condition,
    Filter,
    TagField,
    TimeField,
    TimeRange,
)
from memory_service.domain.lexical import terms
from memory_service.domain.memory import FACTS, Memory, MemoryType
from memory_service.domain.search import Arm, Candidate, Selection
from memory_service.store.connection import command
from memory_service.store.query import MAX_DEPTH, Query, compile_selection, nearest, with_words
from memory_service.store.search import MemorySearch
from tests.support.memories import ALICE, BOB, SHARED, make, put, vector

ON_THE_ENGINE = settings(
    deadline=None,
    max_examples=150,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)

NOW = 1_700_000_000_000_000
"""Microseconds, so that neighbours in the tests differ in the last digit of sixteen."""

WORDS = "alice bob jog park tea night morning train berlin paris".split()

STEMS = terms(" ".join(WORDS))

MEMORIES = [
    make(
        f"m{i}",
        " ".join(WORDS[(i * k) % 10] for k in range(1, 2 + i % 7)),
        owner=(ALICE, ALICE, BOB, SHARED)[i % 4],
        type_=tuple(MemoryType)[i % 3],
        topics=[topic for k, topic in enumerate(["a", "A", "", "x,y"]) if i >> k & 1],
        entities=[f"e{i % 3}"] if i % 5 else [],
        sessions=[f"s{i % 2}"] if i % 7 else [],
        event=NOW + i % 6 if i % 4 else None,
        created=NOW + i,
        updated=NOW + (i * 7) % 40,
    )
    for i in range(40)
]
VALUES = ["a", "A", "", "x,y", "x", "e0", "e1", "s0", "s1", "m3", "m7", "semantic", "message", "*"]


def matches(memory: Memory, condition: Condition) -> bool:
    """What filters.py says, word for word."""
    match condition:
        case AnyOf(field, values):
            return bool(set(values) & tags(memory)[field])
        case AllOf(field, values):
            return set(values) <= tags(memory)[field]
        case TimeRange(field, start, end):
            time = times(memory)[field]
            if time is None:
                return False
            return (start is None or start <= time) and (end is None or time < end)
        case Filter(must, should, must_not):
            return (
                all(matches(memory, inner) for inner in must)
                and (not should or any(matches(memory, inner) for inner in should))
                and not any(matches(memory, inner) for inner in must_not)
            )


def tags(memory: Memory) -> dict[TagField, set[str]]:
    return {
        TagField.ID: {memory.id},
        TagField.TYPE: {memory.type.value},
        TagField.TOPIC: set(memory.topics),
        TagField.ENTITY: {entity.name for entity in memory.entities},
        TagField.SESSION_ID: {source.session_id for source in memory.sources},
    }


def times(memory: Memory) -> dict[TimeField, int | None]:
    return {
        TimeField.CREATE_TIME: memory.created,
        TimeField.UPDATE_TIME: memory.updated,
        TimeField.EVENT_TIME: memory.event_time.micros if memory.event_time else None,
    }


def selected(selection: Selection) -> set[str]:
    return {
        memory.id
        for memory in MEMORIES
        if memory.owner in selection.owners
        and memory.type in selection.types
        and matches(memory, selection.filter)
    }


SOME_VALUES = st.lists(st.sampled_from(VALUES), min_size=1, max_size=3).map(tuple)
BOUNDS = st.none() | st.integers(NOW - 2, NOW + 42)
LEAVES = (
    st.builds(AnyOf, st.sampled_from(TagField), SOME_VALUES)
    | st.builds(AllOf, st.sampled_from(TagField), SOME_VALUES)
    | st.builds(TimeRange, st.sampled_from(TimeField), BOUNDS, BOUNDS)
)


def filters_of(conditions: st.SearchStrategy[Any]) -> st.SearchStrategy[Filter]:
    some = st.lists(conditions, max_size=2).map(tuple)
    return st.builds(Filter, some, some, some)


FILTERS = filters_of(st.recursive(LEAVES, filters_of, max_leaves=6))
SELECTIONS = st.builds(
    Selection,
    st.sampled_from([(ALICE,), (BOB,), (ALICE, SHARED), (ALICE, BOB, SHARED)]),
    st.sampled_from([FACTS, (MemoryType.MESSAGE,), tuple(MemoryType)]),
    FILTERS,
)
ALL = Selection((ALICE, BOB, SHARED), tuple(MemoryType))


@pytest.fixture
async def library(redis: Redis) -> Redis:
    await put(redis, *MEMORIES, vectors=[vector(1, i) for i in range(len(MEMORIES))])
    return redis


@ON_THE_ENGINE
@given(SELECTIONS)
@example(Selection((ALICE,), filter=Filter(should=(Filter(),))))
@example(Selection((ALICE,), filter=Filter(must_not=(Filter(),))))
@example(
    Selection((ALICE,), filter=Filter(should=(Filter(must_not=(AnyOf(TagField.TOPIC, ("a",)),)),)))
)
async def test_the_engine_selects_what_the_filter_says(
    library: Redis, selection: Selection
) -> None:
    found = await MemorySearch(library).ids(selection, 100)
    assert set(found) == selected(selection)
    assert await MemorySearch(library).count(selection) == len(found)


@ON_THE_ENGINE
@given(SELECTIONS, st.lists(st.sampled_from(STEMS), min_size=1, max_size=3, unique=True))
async def test_a_filter_changes_neither_order_nor_scores_of_text_hits(
    library: Redis, selection: Selection, words: list[str]
) -> None:
    everything = await _plain_scores(library, words)
    wanted = selected(selection)
    assert await _scores(library, selection, words) == [
        hit for hit in everything if hit[0] in wanted
    ]


async def _scores(redis: Redis, selection: Selection, words: list[str]) -> list[tuple[str, Any]]:
    return await _ranked(redis, with_words(compile_selection(selection), words))


async def _plain_scores(redis: Redis, words: list[str]) -> list[tuple[str, Any]]:
    names = "|".join(f"$p{i}" for i in range(len(words)))
    return await _ranked(redis, Query(f"@terms:({names})", tuple(words)))


async def _ranked(redis: Redis, query: Query) -> list[tuple[str, Any]]:
    reply = await command(
        redis,
        *("FT.SEARCH", "am:index", *query.arguments(), "NOCONTENT"),
        *("SCORER", "BM25STD", "WITHSCORES", "LIMIT", "0", "100"),
    )
    return [
        (hit[b"id"].decode().rsplit(":")[-1], pytest.approx(hit[b"score"]))
        for hit in reply[b"results"]
    ]


@pytest.mark.parametrize("arm", list(Arm))
async def test_a_filter_holds_in_each_arm(library: Redis, arm: Arm) -> None:
    selection = Selection((ALICE,), filter=Filter(must=(AnyOf(TagField.ENTITY, ("e1",)),)))
    arms = await MemorySearch(library).arms(
        selection, vector=vector(1), words=["alic", "bob"], k=100, timeout_ms=1000
    )
    found = {candidate.memory.id for candidate in arms[arm]}
    assert found
    assert found <= selected(selection)


async def test_a_search_for_the_nearest_counts_no_further_than_k(library: Redis) -> None:
    query = nearest(compile_selection(ALL), vector(1), 7)
    reply = await command(library, "FT.SEARCH", "am:index", *query.arguments(), "NOCONTENT")
    assert reply[b"total_results"] == 7


ATTACKS = [
    *("*", "a|b", "} | @owner:{", "hello) | @owner:{*} | (hello", "$p0", "$p1|$p0", "}", "{", "\\"),
    *(
        "'",
        '"',
        "a*",
        "%a%",
        "%%a%%",
        "-a",
        "~a",
        "=>{$weight: 5}",
        "=>[KNN 5 @vector $p0]",
        "@id:{*}",
    ),
    *("[-inf +inf]", "(", ")", "\0", "a\0} | @owner:{*", "\n*", "w'*'", "isempty(@owner)", "🙂*"),
    *("PARAMS 2 p0 x", "*=>[KNN 100 @vector $p0]", "ismissing(@event_time)", ",", "a,b", "p0"),
]


@pytest.mark.parametrize("attack", ATTACKS)
async def test_no_string_of_a_filter_becomes_syntax(redis: Redis, attack: str) -> None:
    await put(
        redis,
        make("mine", attack, topics=[attack], entities=[attack], sessions=[attack], created=1),
        make("other", attack, topics=["t"], created=2),
        make("theirs", attack, owner=BOB, topics=[attack], entities=[attack], sessions=[attack]),
    )
    search = MemorySearch(redis)
    for field in (TagField.TOPIC, TagField.ENTITY, TagField.SESSION_ID):
        for condition in (AnyOf(field, (attack,)), AllOf(field, (attack,))):
            selection = Selection((ALICE,), filter=Filter(must=(condition,)))
            assert await search.ids(selection, 10) == ["mine"]
    for id_filter in (Filter(must=(AnyOf(TagField.ID, (attack,)),)), _nowhere(attack)):
        assert await search.ids(Selection((ALICE,), filter=id_filter), 10) == []
    arms = await search.arms(
        Selection((ALICE,)), vector=None, words=[attack.replace("\0", "x")], k=10, timeout_ms=1000
    )
    assert _owners(arms[Arm.KEYWORD]) <= {ALICE}


def _nowhere(attack: str) -> Filter:
    return Filter(
        should=(AnyOf(TagField.TYPE, (attack,)), AnyOf(TagField.ID, (attack,))),
        must_not=(AnyOf(TagField.TOPIC, (attack,)),),
    )


def _owners(found: list[Candidate]) -> set[Any]:
    return {candidate.memory.owner for candidate in found}


@given(SELECTIONS)
def test_a_query_holds_no_value_and_always_names_the_owners(selection: Selection) -> None:
    query = compile_selection(selection)
    count = len(selection.owners)
    names = "|".join(f"$p{i}" for i in range(count))
    assert query.text.startswith(f"(@owner:{{{names}|{names}}})=>{{$weight:0}} ")
    assert "=>{$weight:0} |" not in query.text
    assert len(query.arguments()) == 5 + 2 * len(query.params)


def test_a_selection_of_no_owner_or_no_type_is_refused() -> None:
    with pytest.raises(ValueError, match="owner"):
        compile_selection(Selection(()))
    with pytest.raises(ValueError, match="type"):
        compile_selection(Selection((ALICE,), types=()))
    with pytest.raises(ValueError, match="word"):
        with_words(compile_selection(Selection((ALICE,))), [])


async def test_the_deepest_filter_allowed_is_understood_and_a_deeper_one_refused(
    redis: Redis,
) -> None:
    await put(redis, make("m1"))
    deep = Filter(must=(AnyOf(TagField.ID, ("m1",)),))
    for _ in range(MAX_DEPTH):
        deep = Filter(should=(deep,))
    assert await MemorySearch(redis).ids(Selection((ALICE,), filter=deep), 10) == ["m1"]
    with pytest.raises(AssertionError, match="depth"):
        compile_selection(Selection((ALICE,), filter=Filter(must=(deep,))))


async def test_as_many_conditions_and_values_as_the_contract_allows_are_understood(
    redis: Redis,
) -> None:
    await put(redis, make("m1", topics=["t1"]))
    values = tuple(f"t{i}" for i in range(64))
    conditions = tuple(AnyOf(TagField.TOPIC, values) for _ in range(64))
    selection = Selection((ALICE,), filter=Filter(must=conditions))
    assert await MemorySearch(redis).ids(selection, 10) == ["m1"]
