from __future__ import annotations

import math
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory_service.domain import ranking
from memory_service.domain.asking import understand
from memory_service.domain.features import pool_of
from memory_service.domain.owner import Owner
from memory_service.domain.ranking import (
    OF_FACTS,
    OF_TURNS,
    Ranked,
    Signal,
    in_order,
    rank,
    rank_arm,
)
from memory_service.domain.search import Arm, Arms, Found, Selection
from memory_service.domain.sides import sides_of
from memory_service.domain.signals import signals_of
from tests.support.memories import make

ASKED = understand("tea at night", (), 0)


def found(id_: str, raw: float, text: str = "") -> Found:
    return Found(("alice", id_), raw, text.split(), signals_of(make(id_, text)))


def ranked(arms: Arms) -> list[Ranked]:
    return in_order(rank(pool_of(arms, ASKED.words), arms, ASKED, OF_FACTS))


def order(of: list[Ranked]) -> list[str]:
    return [each.found.key[1] for each in of]


IDS = st.sampled_from([f"m{i}" for i in range(12)])
TEXTS = st.sampled_from(["tea", "tea night", "night night tea", "sun", ""])
FINDS = st.dictionaries(IDS, st.tuples(st.floats(-1, 1), TEXTS))


def test_what_both_arms_like_comes_first() -> None:
    near = [found("a", 0.6, "sun"), found("b", 0.55, "tea night"), found("c", 0.1, "tea")]
    arms = {Arm.SEMANTIC: near, Arm.KEYWORD: [near[1], near[2]]}
    assert order(ranked(arms)) == ["b", "a", "c"]


def test_a_score_is_what_its_signals_add_up_to() -> None:
    (one,) = ranked({Arm.SEMANTIC: [found("a", 0.6, "tea")]})
    odds = sum(signal.value * signal.weight for signal in one.signals)
    assert one.score == pytest.approx(1 / (1 + math.exp(-odds)), rel=1e-12)
    assert {"bias", "meaning", "words", "length"} <= {signal.name for signal in one.signals}
    assert [(arm.arm, arm.rank, arm.raw) for arm in one.said] == [(Arm.SEMANTIC, 1, 0.6)]


MANY = [found(f"z{n:02}", -1, "moon") for n in range(60)]
"""Others, of which none has to do with what is asked."""


def test_scores_are_comparable_between_answers() -> None:
    """What else there is to find may change how rare a word is, and how few there are."""
    some = ranked({Arm.SEMANTIC: [found("a", 0.6, "sun"), *MANY[:49]]})
    more = ranked({Arm.SEMANTIC: [found("a", 0.6, "sun"), *MANY]})
    assert some[0].found.key == more[0].found.key
    assert some[0].score == more[0].score


def test_what_has_nothing_to_do_with_a_query_has_next_to_no_score() -> None:
    one, *others = ranked({Arm.SEMANTIC: [found("a", 0.75, "tea night"), *MANY]})
    assert one.score > 0.4
    assert max(other.score for other in others) < 0.01


def test_each_of_few_is_likelier_to_be_what_is_asked_for() -> None:
    few = ranked({Arm.SEMANTIC: [found("a", 0.4, "sun"), *MANY[:4]]})[0]
    many = ranked({Arm.SEMANTIC: [found("a", 0.4, "sun"), *MANY]})[0]
    odds = [each.score / (1 - each.score) for each in (few, many)]
    assert odds[0] / odds[1] == pytest.approx(50 / 5)
    assert Signal("few", math.log(10), 1.0) in few.signals
    assert "few" not in {signal.name for signal in many.signals}


def test_how_few_there_are_is_known_where_an_arm_brought_less_than_it_may() -> None:
    (side,) = sides_of(Selection((Owner.user("t", "n", "u"),)), 1, hybrid=True)
    assert side.near >= ranking.MANY


def test_a_single_arm_ranks_by_its_own_measure_cut_to_0_to_1() -> None:
    by_meaning = rank_arm({Arm.SEMANTIC: [found("c", 1.0000001), found("b", 0.7), found("a", -1)]})
    assert [(each.found.key[1], each.score) for each in by_meaning] == [
        ("c", 1),
        ("b", 0.7),
        ("a", 0),
    ]


def test_equals_come_in_the_order_of_ids_and_owners() -> None:
    same = [found("b", 0.5, "tea"), found("a", 0.5, "tea")]
    shared = Found(("shared", "a"), 0.5, ["tea"], signals_of(make("a", "tea")))
    arms = {Arm.SEMANTIC: [*same, shared]}
    assert [each.found.key for each in ranked(arms)] == [
        ("alice", "a"),
        ("shared", "a"),
        ("alice", "b"),
    ]


@given(FINDS, FINDS, st.randoms(use_true_random=False))
def test_each_find_is_ranked_once_by_a_score_of_0_to_1_whatever_the_order_it_came_in(
    semantic: dict[str, tuple[float, str]], keyword: dict[str, tuple[float, str]], random: Random
) -> None:
    texts = {id_: text for id_, (_, text) in (semantic | keyword).items()}
    arms = {
        Arm.SEMANTIC: [found(i, raw, texts[i]) for i, (raw, _) in semantic.items()],
        Arm.KEYWORD: [found(i, abs(raw), texts[i]) for i, (raw, _) in keyword.items()],
    }
    first = ranked(arms)
    assert sorted(order(first)) == sorted(semantic.keys() | keyword.keys())
    assert all(0 <= each.score <= 1 for each in first)
    shuffled = {arm: random.sample(of, len(of)) for arm, of in arms.items()}
    again = ranked(shuffled)
    assert {e.found.key: round(e.score, 12) for e in again} == {
        e.found.key: round(e.score, 12) for e in first
    }


@given(st.floats(-1, 1), st.floats(-1, 1))
def test_nearer_is_never_worse(one: float, other: float) -> None:
    near, far = max(one, other), min(one, other)
    arms = {Arm.SEMANTIC: [found("near", near, "tea"), found("far", far, "tea")]}
    scores = {each.found.key[1]: each.score for each in ranked(arms)}
    assert scores["near"] >= scores["far"]


def test_no_weight_speaks_against_what_a_feature_says_for() -> None:
    for weights in (OF_FACTS, OF_TURNS):
        assert all(value >= 0 for value in weights.of.values())
