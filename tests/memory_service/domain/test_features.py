from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory_service.domain.asking import understand
from memory_service.domain.features import Pool, features, pool_of
from memory_service.domain.memory import Entity, EventTime, Memory, MemoryType, Precision, Source
from memory_service.domain.memory import Turn as TurnOf
from memory_service.domain.search import Arm, Found
from memory_service.domain.session import Role
from memory_service.domain.signals import signals_of
from tests.support.memories import BOB, make

Raws = Mapping[str, float]


def fact(id_: str, text: str = "", *, said_in: Sequence[str] = (), about: str = "") -> Memory:
    sources = tuple(Source("s", message) for message in said_in)
    entities = (Entity(about),) if about else ()
    return replace(make(id_, text), sources=sources, entities=entities)


def turn(id_: str, text: str = "", *, at: int = 1, by: str = "", after: str = "") -> Memory:
    return replace(
        make(id_, text, type_=MemoryType.MESSAGE),
        sources=(Source("s", id_),),
        turn=TurnOf(at, Role.USER, by, after),
    )


def found(memory: Memory, raw: float = 0.5) -> Found:
    return Found((memory.owner.id, memory.id), raw, memory.text.split(), signals_of(memory))


def pool(*memories: Memory, words: Sequence[str] = (), meaning: Raws | None = None) -> Pool:
    near = [found(m, (meaning or {}).get(m.id, 0.5)) for m in memories]
    return pool_of({Arm.SEMANTIC: near}, words)


def test_words_are_a_share_of_the_best_that_could_be_and_rare_ones_count_more() -> None:
    memories = [
        fact("all", "tea kettle"),
        fact("rare", "kettle dog"),
        fact("common", "tea cat"),
        fact("other", "tea bird"),
        fact("none", "sun moon"),
    ]
    shares = pool(*memories, words=["tea", "kettle"]).words
    by_id = {key[1]: share for key, share in shares.items()}
    assert by_id["all"] > by_id["rare"] > by_id["common"] == by_id["other"] > by_id["none"] == 0


def test_a_word_that_nothing_has_takes_all_shares_back() -> None:
    memory = fact("m", "tea")
    key = ("alice", "m")
    full = pool(memory, fact("x", "sun"), words=["tea"]).words[key]
    assert pool(memory, fact("x", "sun"), words=["tea", "unheard"]).words[key] < full / 2


def test_what_the_vectors_did_not_find_is_taken_for_as_far_as_the_last_they_found() -> None:
    arms = {
        Arm.SEMANTIC: [found(fact("a"), 0.9), found(fact("b"), 0.4)],
        Arm.KEYWORD: [found(fact("c"), 1.0)],
    }
    assert {key[1]: cosine for key, cosine in pool_of(arms, ()).meaning.items()} == {
        "a": 0.9,
        "b": 0.4,
        "c": 0.4,
    }


def test_it_counts_to_be_of_the_only_one_who_is_named() -> None:
    memories = (turn("a", by="Ann"), fact("b", about="ANN"), turn("c", by="Ben"))
    one = features(pool(*memories), understand("What did Ann eat?", ["Ann", "Ben"], 0))
    assert {key[1]: each.named for key, each in one.items()} == {"a": 1, "b": 1, "c": 0}
    both = features(pool(*memories), understand("Do Ann and Ben eat?", ["Ann", "Ben"], 0))
    assert not any(each.named for each in both.values())


def test_a_turn_is_lifted_by_its_neighbors_of_the_same_session_and_owner() -> None:
    elsewhere = replace(turn("e", at=2), sources=(Source("other", "e"),))
    strange = replace(turn("x", at=2), owner=BOB)
    strong = {"hit": 0.9, "next": 0.1, "far": 0.1, "e": 0.1, "x": 0.1}
    memories = (turn("hit", at=1), turn("next", at=2), turn("far", at=3), elsewhere, strange)
    seen = features(pool(*memories, meaning=strong), understand("q", (), 0))
    by_id = {key[1]: each.neighbor for key, each in seen.items()}
    assert by_id == {"hit": 0.05, "next": 0.45, "far": 0.05, "e": 0, "x": 0}


def test_facts_vote_for_the_turns_that_they_are_from() -> None:
    facts = pool(
        fact("f", said_in=["a", "b"]), fact("g", said_in=["a"]), meaning={"f": 0.4, "g": 0.8}
    )
    turns = pool(turn("a", at=1), turn("b", at=5), turn("c", at=9))
    seen = features(turns, understand("q", (), 0), facts)
    assert {key[1]: each.vote for key, each in seen.items()} == {"a": 0.4, "b": 0.2, "c": 0}


def test_times_count_where_they_are_asked_for() -> None:
    dated = replace(fact("d", "it was"), event_time=EventTime(1_683_460_800_000_000, Precision.DAY))
    memories = (dated, turn("t", "I went there yesterday"), turn("n", "I like it", after="Really?"))
    when = features(pool(*memories), understand("When was it?", (), 0))
    assert {key[1]: each.timed for key, each in when.items()} == {"d": 1, "t": 1, "n": 0}
    assert {key[1]: each.answers for key, each in when.items()} == {"d": 0, "t": 0, "n": 1}
    may = features(pool(*memories), understand("What was in May 2023?", (), 0))
    assert may[("alice", "d")].dated == 1
    assert may[("alice", "d")].timed == 0
    assert may[("alice", "t")].dated == pytest.approx(0, abs=1e-9)


WORDS = st.lists(st.sampled_from("abcdef"), max_size=6)


@given(st.dictionaries(st.text("mn", max_size=3), WORDS), WORDS)
def test_shares_are_between_0_and_1_and_more_of_a_word_never_counts_less(
    texts: dict[str, list[str]], words: list[str]
) -> None:
    seen = [Found(("alice", id_), 0.5, own, signals_of(make("m"))) for id_, own in texts.items()]
    wanted = list(dict.fromkeys(words))
    shares = pool_of({Arm.KEYWORD: seen}, wanted).words
    assert all(0 <= share <= 1 for share in shares.values())
    for each in seen:
        has = set(each.words) & set(wanted)
        assert (shares[each.key] > 0) == bool(has)
