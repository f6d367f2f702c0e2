from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory_service.domain.asking import understand
from memory_service.domain.features import FEW_WORDS, K1, Pool, features, pool_of
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


def by_id(pool: Pool, values: Sequence[float]) -> dict[str, float]:
    values = values or [0.0] * len(pool.found)
    return {each.key[1]: value for each, value in zip(pool.found, values, strict=True)}


def test_words_are_a_share_of_the_best_that_could_be_and_rare_ones_count_more() -> None:
    memories = [
        fact("all", "tea kettle"),
        fact("rare", "kettle dog"),
        fact("common", "tea cat"),
        fact("other", "tea bird"),
        fact("none", "sun moon"),
    ]
    seen = pool(*memories, words=["tea", "kettle"])
    share = by_id(seen, seen.words)
    assert share["all"] > share["rare"] > share["common"] == share["other"] > share["none"] == 0


def test_a_word_that_nothing_has_takes_all_shares_back() -> None:
    memory = fact("m", "tea")
    full = pool(memory, fact("x", "sun"), words=["tea"]).words[0]
    assert pool(memory, fact("x", "sun"), words=["tea", "unheard"]).words[0] < full / 2


def test_what_the_vectors_did_not_find_is_taken_for_as_far_as_the_last_they_found() -> None:
    arms = {
        Arm.SEMANTIC: [found(fact("a"), 0.9), found(fact("b"), 0.4)],
        Arm.KEYWORD: [found(fact("c"), 1.0)],
    }
    seen = pool_of(arms, ())
    assert by_id(seen, seen.meaning) == {"a": 0.9, "b": 0.4, "c": 0.4}


def test_what_both_arms_found_is_there_once_as_near_as_the_vectors_say() -> None:
    arms = {
        Arm.KEYWORD: [found(fact("b", "tea"), 1.0), found(fact("c", "tea"), 0.5)],
        Arm.SEMANTIC: [found(fact("a"), 0.9), found(fact("b", "tea"), 0.8)],
    }
    seen = pool_of(arms, ["tea"])
    assert by_id(seen, seen.meaning) == {"a": 0.9, "b": 0.8, "c": 0.8}


def test_it_counts_to_be_of_the_only_one_who_is_named() -> None:
    memories = (turn("a", by="Ann"), fact("b", about="ANN"), turn("c", by="Ben"))
    seen = pool(*memories)
    one = features(seen, understand("What did Ann eat?", ["Ann", "Ben"], 0))
    assert by_id(seen, one["named"]) == {"a": 1, "b": 1, "c": 0}
    both = features(seen, understand("Do Ann and Ben eat?", ["Ann", "Ben"], 0))
    assert "named" not in both


def test_a_turn_is_lifted_by_its_neighbors_of_the_same_session_and_owner() -> None:
    elsewhere = replace(turn("e", at=2), sources=(Source("other", "e"),))
    strange = replace(turn("x", at=2), owner=BOB)
    strong = {"hit": 0.9, "next": 0.1, "far": 0.1, "e": 0.1, "x": 0.1}
    memories = (turn("hit", at=1), turn("next", at=2), turn("far", at=3), elsewhere, strange)
    memories = tuple(replace(memory, text="tea, milk, cats") for memory in memories)
    seen = pool(*memories, meaning=strong)
    lifted = by_id(seen, features(seen, understand("q", (), 0))["neighbor"])
    assert lifted == {"hit": 0.05, "next": 0.45, "far": 0.05, "e": 0, "x": 0}


def test_a_turn_with_hardly_a_word_is_lifted_less_unless_it_answers_a_question() -> None:
    remark, answer = turn("remark", "Noted.", at=2), turn("answer", "Oslo.", at=5, after="Where?")
    hits = turn("hit", "My cats like tea.", at=1), turn("where", "Where?", at=4)
    seen = pool(*hits, remark, answer, meaning={"hit": 0.9, "where": 0.9})
    lifted = by_id(seen, features(seen, understand("q", (), 0))["neighbor"])
    assert lifted["remark"] == pytest.approx(0.45 / 3)
    assert lifted["answer"] == pytest.approx(0.45)


def test_facts_vote_for_the_turns_that_they_are_from() -> None:
    facts = pool(
        fact("f", said_in=["a", "b"]), fact("g", said_in=["a"]), meaning={"f": 0.4, "g": 0.8}
    )
    turns = pool(turn("a", at=1), turn("b", at=5), turn("c", at=9))
    seen = features(turns, understand("q", (), 0), facts)
    assert by_id(turns, seen["vote"]) == {"a": 0.4, "b": 0.2, "c": 0}


def test_times_count_where_they_are_asked_for() -> None:
    dated = replace(fact("d", "it was"), event_time=EventTime(1_683_460_800_000_000, Precision.DAY))
    memories = (dated, turn("t", "I went there yesterday"), turn("n", "I like it", after="Really?"))
    seen = pool(*memories)
    when = features(seen, understand("When was it?", (), 0))
    assert by_id(seen, when["timed"]) == {"d": 1, "t": 1, "n": 0}
    assert by_id(seen, when["answers"]) == {"d": 0, "t": 0, "n": 1}
    may = features(seen, understand("What was in May 2023?", (), 0))
    dated = by_id(seen, may["dated"])
    assert dated["d"] == 1
    assert "timed" not in may
    assert dated["t"] == pytest.approx(0, abs=1e-9)


WORDS = st.lists(st.sampled_from("abcdef"), max_size=6)


@given(st.dictionaries(st.text("mn", max_size=3), WORDS), WORDS)
def test_shares_are_between_0_and_1_and_more_of_a_word_never_counts_less(
    texts: dict[str, list[str]], words: list[str]
) -> None:
    seen = [Found(("alice", id_), 0.5, own, signals_of(make("m"))) for id_, own in texts.items()]
    wanted = list(dict.fromkeys(words))
    shares = pool_of({Arm.KEYWORD: seen}, wanted).words
    assert all(0 <= share <= 1 for share in shares)
    for each, share in zip(seen, shares, strict=True):
        has = set(each.words) & set(wanted)
        assert (share > 0) == bool(has)


class Counted(list[str]):
    """Words that know how often somebody went through them."""

    times = 0

    def __iter__(self) -> Iterator[str]:
        self.times += 1
        return super().__iter__()

    def count(self, value: str) -> int:
        self.times += 1
        return super().count(value)


def test_a_text_is_not_gone_through_for_each_of_many_words() -> None:
    words = [f"w{n}" for n in range(256)]
    own = Counted(words * 4)
    seen = Found(("alice", "m"), 0.5, own, signals_of(make("m")))
    assert pool_of({Arm.KEYWORD: [seen]}, words).words[0] > 0
    assert own.times <= FEW_WORDS + 2


@given(
    st.lists(st.sampled_from("abcdefghijkl"), max_size=60),
    st.lists(st.sampled_from("abcdefghijklmno"), min_size=1, unique=True),
)
def test_few_and_many_words_count_by_the_same_formula(own: list[str], words: list[str]) -> None:
    seen = Found(("alice", "m"), 0.5, own, signals_of(make("m")))
    (share,) = pool_of({Arm.KEYWORD: [seen]}, words).words
    rarity = {word: math.log1p((1 - n + 0.5) / (n + 0.5)) for word in words for n in [word in own]}
    counts = {word: own.count(word) for word in words}
    parts = [rarity[word] * n / (n + K1) for word, n in counts.items()]
    assert share == pytest.approx(sum(parts) / sum(rarity.values()))
