from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from memory_service.domain.errors import SearchTimeout, StoreUnavailable
from memory_service.domain.filters import AnyOf, Filter, TagField
from memory_service.domain.lexical import query_terms, terms
from memory_service.domain.memory import MemoryType
from memory_service.domain.search import Arm, Candidate, Selection
from memory_service.store import query
from memory_service.store import search as search_module
from memory_service.store.connection import connect
from memory_service.store.search import MemorySearch, whole
from tests.support.memories import ALICE, BOB, SHARED, at_angle, make, put, vector
from tests.support.searching import arms_of

OWN = Selection((ALICE,))


async def find(
    redis: Redis,
    selection: Selection = OWN,
    *,
    near: bytes | None = None,
    text: str = "",
    k: int = 10,
) -> dict[Arm, list[Candidate]]:
    return await arms_of(
        MemorySearch(redis), selection, vector=near, words=query_terms(text), k=k, timeout_ms=5000
    )


def ids(candidates: list[Candidate]) -> list[str]:
    return [candidate.memory.id for candidate in candidates]


async def test_the_nearest_come_with_their_cosine_the_best_first(redis: Redis) -> None:
    memories = [make("right"), make("near"), make("same"), make("opposite"), make("no vector")]
    vectors = [at_angle(90), at_angle(30), at_angle(0), at_angle(180)]
    await put(redis, *memories, vectors=vectors)
    found = (await find(redis, near=vector(1)))[Arm.SEMANTIC]
    assert ids(found) == ["same", "near", "right", "opposite"]
    assert [one.raw for one in found] == pytest.approx([1, 3**0.5 / 2, 0, -1], abs=1e-6)
    assert all(one.memory.embedded for one in found)


async def test_the_best_by_words_has_1_and_the_others_their_share_of_it(redis: Redis) -> None:
    await put(redis, make("both", "tea at night"), make("one", "tea in the morning"), make("none"))
    found = (await find(redis, text="Tea at night?"))[Arm.KEYWORD]
    assert ids(found) == ["both", "one"]
    assert found[0].raw == 1.0
    assert 0 < found[1].raw < 1


@settings(
    deadline=None,
    max_examples=200,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.text(st.characters(exclude_categories=["Cs"])))
@example(" ".join("aяअ𐐨"[i % 4] * i for i in range(200)))
async def test_each_term_of_a_text_finds_it_whatever_its_characters(
    redis: Redis, text: str
) -> None:
    await put(redis, make("m1", text))
    for term in query_terms(text):
        found = await arms_of(
            MemorySearch(redis), OWN, vector=None, words=[term], k=1, timeout_ms=5000
        )
        assert ids(found[Arm.KEYWORD]) == ["m1"], (term, ascii(term))


async def test_characters_of_which_case_is_an_issue_find_their_text(redis: Redis) -> None:
    cased = [c for c in map(chr, range(0x20000)) if c.lower() != c.upper() and not c.isascii()]
    by_term = {term: c for c in cased for term in terms(c)}
    await put(redis, *(make(c, c) for c in by_term.values()))
    search = MemorySearch(redis)
    for term, c in by_term.items():
        arms = await arms_of(search, OWN, vector=None, words=[term], k=1, timeout_ms=5000)
        assert ids(arms[Arm.KEYWORD]) == [c], ascii(c)


async def test_a_query_of_as_many_terms_as_can_be_is_understood(redis: Redis) -> None:
    await put(redis, make("m1", "w255"))
    found = await find(redis, text=" ".join(f"w{i}" for i in range(300)))
    assert ids(found[Arm.KEYWORD]) == ["m1"]


async def test_others_documents_leave_the_scores_shown_in_their_order(redis: Redis) -> None:
    await put(redis, make("both", "tea at night"), make("one", "tea in the morning"))
    await put(redis, *(make(f"b{i}", "tea tea night", owner=BOB) for i in range(50)))
    found = (await find(redis, text="tea night"))[Arm.KEYWORD]
    assert ids(found) == ["both", "one"]
    assert found[0].raw == 1.0


async def test_only_arms_that_can_be_asked_answer(redis: Redis) -> None:
    await put(redis, make("m1", "tea"), vectors=[vector(1)])
    assert (await find(redis, near=vector(1), text="tea")).keys() == {Arm.SEMANTIC, Arm.KEYWORD}
    assert (await find(redis, near=vector(1), text="who is the")).keys() == {Arm.SEMANTIC}
    assert (await find(redis, text="tea")).keys() == {Arm.KEYWORD}
    assert await find(redis) == {}


async def test_each_arm_brings_k_at_most(redis: Redis) -> None:
    memories = [make(str(i), "tea") for i in range(20)]
    await put(redis, *memories, vectors=[vector(1, i) for i in range(20)])
    arms = await find(redis, near=vector(1), text="tea", k=5)
    assert [len(found) for found in arms.values()] == [5, 5]
    assert ids(arms[Arm.SEMANTIC]) == ["0", "1", "2", "3", "4"]


async def test_a_memory_comes_back_as_it_was_written(redis: Redis) -> None:
    memory = make(
        "id with: {every} *kind*",
        "Was in Zürich, “北京” and \0 elsewhere 🙂",
        owner=SHARED,
        type_=MemoryType.EPISODIC,
        topics=["", "a,b"],
        entities=["北京"],
        sessions=["s"],
        event=-62_135_596_800_000_000,
        created=1_700_000_000_000_001,
    )
    await put(redis, memory)
    arms = await find(redis, Selection((SHARED,)), text="elsewhere")
    assert [candidate.memory for candidate in arms[Arm.KEYWORD]] == [memory]


async def test_owners_see_their_own_unless_more_are_asked_for(redis: Redis) -> None:
    await put(
        redis,
        make("a", "tea", owner=ALICE, created=3),
        make("b", "tea", owner=BOB, created=2),
        make("s", "tea", owner=SHARED, created=1),
        vectors=[vector(1)] * 3,
    )
    search = MemorySearch(redis)
    for owners, expected in (((ALICE,), ["a"]), ((ALICE, SHARED), ["a", "s"]), ((BOB,), ["b"])):
        selection = Selection(owners)
        arms = await find(redis, selection, near=vector(1), text="tea")
        assert sorted(ids(arms[Arm.SEMANTIC])) == sorted(ids(arms[Arm.KEYWORD])) == expected
        assert await search.ids(selection, 10) == expected
        assert await search.count(selection) == len(expected)


async def test_messages_are_left_out_unless_asked_for(redis: Redis) -> None:
    await put(redis, make("said", type_=MemoryType.MESSAGE), make("known", created=2))
    assert await MemorySearch(redis).ids(OWN, 10) == ["known"]
    messages = Selection((ALICE,), types=(MemoryType.MESSAGE,))
    assert await MemorySearch(redis).ids(messages, 10) == ["said"]


async def test_a_memory_of_another_owner_is_dropped_even_if_the_engine_returns_it(
    redis: Redis, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    await put(redis, make("mine", "tea"), make("theirs", "tea", owner=BOB), vectors=[vector(1)] * 2)
    broken = query.Query("@created:[$p0 +inf]", ("-inf",))
    monkeypatch.setattr(query, "compile_selection", lambda selection: broken)
    with caplog.at_level(logging.CRITICAL):
        arms = await find(redis, near=vector(1), text="tea")
        listed = await MemorySearch(redis).ids(OWN, 10)
    for found in (ids(arms[Arm.SEMANTIC]), ids(arms[Arm.KEYWORD]), listed):
        assert found == ["mine"]
    assert [record.message for record in caplog.records] == [
        "the index gave a memory of an owner that was not asked for: dropped"
    ] * 3


async def test_a_query_that_takes_too_long_is_an_error_not_a_part_of_the_answer(
    redis: Redis,
) -> None:
    words = [f"w{i}" for i in range(40)]
    await put(redis, *(make(str(i), " ".join(words)) for i in range(3000)))
    conditions = tuple(AnyOf(TagField.ID, (str(i),)) for i in range(60))
    selection = Selection((ALICE,), filter=Filter(must_not=conditions))
    search = MemorySearch(redis)
    with pytest.raises(SearchTimeout):
        await arms_of(search, selection, vector=None, words=words, k=3000, timeout_ms=1)
    whole_answer = await arms_of(
        search, selection, vector=None, words=words, k=3000, timeout_ms=60_000
    )
    assert len(whole_answer[Arm.KEYWORD]) == 3000 - 60


def test_a_reply_with_a_warning_or_an_error_is_never_taken_for_an_answer() -> None:
    with pytest.raises(SearchTimeout):
        whole({b"results": [], b"warning": [b"Timeout limit was reached"]})
    with pytest.raises(SearchTimeout):
        whole(ResponseError("Timeout limit was reached"))
    with pytest.raises(StoreUnavailable):
        whole({b"results": [], b"warning": [b"Index contains partial data"]})
    with pytest.raises(ResponseError):
        whole(ResponseError("Syntax error"))


async def test_a_store_that_is_away_is_said_to_be_away() -> None:
    async with connect("unix:///nowhere/redis.sock") as redis:
        with pytest.raises(StoreUnavailable, match="cannot be reached"):
            await MemorySearch(redis).count(OWN)


async def test_what_is_near_is_current_and_to_be_trusted_and_of_a_slot_what_was_current_comes_too(
    redis: Redis,
):
    others = [
        replace(make("superseded"), superseded=5, superseded_by="x", slot="s"),
        replace(make("untrusted"), untrusted=True, slot="s"),
        make("message", type_=MemoryType.MESSAGE),
        make("bob", owner=BOB),
    ]
    over = replace(make("over"), valid_to=-(10**15), slot="s")
    await put(redis, *others, over, vectors=[*[vector(1)] * len(others), at_angle(50)])
    await put(redis, replace(make("unembedded"), slot="S"))
    search = MemorySearch(redis)
    of_slot, nearest = await search.near(
        ALICE, slots=["s", "S", "no"], vectors=[vector(1), at_angle(50)], k=1
    )
    assert [memory.id for memory in of_slot] == ["over", "superseded", "unembedded"]
    assert [[found.memory.id for found in each] for each in nearest] == [["over"], ["over"]]
    assert [round(each[0].raw, 3) for each in nearest] == [0.643, 1.0]
    assert await search.near(ALICE, slots=[], vectors=[], k=1) == ([], [])


async def test_what_is_near_is_not_told_while_the_index_is_being_built(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
):
    """After a restart of Redis a part is not found yet, and that would be taken for new."""
    real = search_module.ask

    async def ask(client: Redis, searches: Sequence[Sequence[Any]]) -> list[Any]:
        replies = await real(client, searches)
        assert replies[0][b"indexing"] == 0
        return [{**replies[0], b"indexing": 1}, *replies[1:]]

    monkeypatch.setattr(search_module, "ask", ask)
    with pytest.raises(StoreUnavailable):
        await MemorySearch(redis).near(ALICE, slots=["s"], vectors=[vector(1)], k=1)
