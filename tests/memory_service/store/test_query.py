"""Queries: what is in them, and that filters change nothing but what is found."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from memory_service.domain.filters import (
    AllOf,
    AnyOf,
    Filter,
    Has,
    MetadataAnyOf,
    MetadataHas,
    MetadataRange,
    Prefix,
    TagField,
)
from memory_service.domain.lexical import terms
from memory_service.domain.search import Arm, Candidate, Selection
from memory_service.store.conditions import MAX_DEPTH, MAX_VALUES
from memory_service.store.connection import command
from memory_service.store.keys import memory_id_of
from memory_service.store.query import Query, compile_selection, nearest, with_words
from memory_service.store.search import MemorySearch
from tests.support.filters import EVERY_OWNER, MEMORIES, SELECTIONS, WORDS, selected
from tests.support.memories import ALICE, BOB, make, put, vector
from tests.support.searching import arms_of

ON_THE_ENGINE = settings(
    deadline=None,
    max_examples=150,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)

STEMS = terms(" ".join(WORDS))


@pytest.fixture
async def library(redis: Redis) -> Redis:
    await put(redis, *MEMORIES, vectors=[vector(1, i) for i in range(len(MEMORIES))])
    return redis


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
        *("SCORER", "BM25STD", "WITHSCORES", "LIMIT", "0", "1000"),
    )
    return [
        (memory_id_of(hit[b"id"].decode()), pytest.approx(hit[b"score"]))
        for hit in reply[b"results"]
    ]


@pytest.mark.parametrize("arm", list(Arm))
async def test_a_filter_holds_in_each_arm(library: Redis, arm: Arm) -> None:
    selection = Selection((ALICE,), filter=Filter(must=(AnyOf(TagField.ENTITY, ("a", "b", "*")),)))
    arms = await arms_of(
        MemorySearch(library),
        selection,
        vector=vector(1),
        words=["alic", "bob"],
        k=300,
        timeout_ms=1000,
    )
    found = {candidate.memory.id for candidate in arms[arm]}
    assert found
    assert found <= selected(selection)


async def test_a_search_for_the_nearest_counts_no_further_than_k(library: Redis) -> None:
    query = nearest(compile_selection(EVERY_OWNER), vector(1), 7)
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
        for condition in (AnyOf(field, (attack,)), AllOf(field, (attack,)), Prefix(field, attack)):
            selection = Selection((ALICE,), filter=Filter(must=(condition,)))
            assert await search.ids(selection, 10) == ["mine"]
    for id_filter in (Filter(must=(AnyOf(TagField.ID, (attack,)),)), _nowhere(attack)):
        assert await search.ids(Selection((ALICE,), filter=id_filter), 10) == []
    arms = await arms_of(
        search,
        Selection((ALICE,)),
        vector=None,
        words=[attack.replace("\0", "x")],
        k=10,
        timeout_ms=1000,
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
    names = "|".join(f"$p{i}" for i in range(max(count, 2)))
    assert query.text.startswith(f"(@owner:{{{names}}})=>{{$weight:0}} ")
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


LARGEST = [
    AnyOf(TagField.TOPIC, tuple(f"t{i}" for i in range(64))),
    AllOf(TagField.TOPIC, tuple(f"t{i}" for i in range(64))),
    Prefix(TagField.TOPIC, "t" * 32),
    MetadataAnyOf(("k",), tuple(f"t{i}" for i in range(64))),
    MetadataRange(("k",), -1.1234567890123457e-300, 1.7976931348623155e308),
]


@pytest.mark.parametrize("condition", LARGEST, ids=lambda c: type(c).__name__)
async def test_as_many_conditions_and_values_as_the_contract_allows_are_understood(
    redis: Redis, condition: Any
) -> None:
    topics = [*(f"t{i}" for i in range(64)), "t" * 32]
    await put(redis, make("m1", topics=topics, metadata='{"k": ["t1", 1e300]}'), make("m2"))
    selection = Selection((ALICE,), filter=Filter(must=(condition,) * 64))
    assert len(compile_selection(selection).params) < MAX_VALUES
    assert await MemorySearch(redis).ids(selection, 10) == ["m1"]
    nothing = Filter(should=(Filter(must_not=(condition,) * 32), Filter(must=(condition,) * 32)))
    assert await MemorySearch(redis).count(Selection((ALICE,), filter=nothing)) == 2


@pytest.mark.parametrize("attack", ATTACKS)
async def test_no_string_of_metadata_becomes_syntax(redis: Redis, attack: str) -> None:
    mine = make("mine", metadata=json.dumps({attack: {"k": attack, attack: 1}}))
    other = make("other", metadata=json.dumps({attack + "x": {"k": attack}, "k": attack}))
    await put(redis, mine, other, make("theirs", owner=BOB, metadata=mine.metadata))
    for condition in (
        MetadataAnyOf((attack, "k"), (attack,)),
        MetadataHas((attack, attack)),
        MetadataRange((attack, attack), 1.0, 1.0),
    ):
        selection = Selection((ALICE,), filter=Filter(must=(condition, Has(TagField.ID))))
        assert await MemorySearch(redis).ids(selection, 10) == ["mine"]
