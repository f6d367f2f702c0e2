from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory_service.domain.fusion import Fused, fuse
from memory_service.domain.search import Arm, Candidate
from tests.support.memories import ALICE, SHARED, make

Arms = dict[Arm, list[Candidate]]


def candidates(raws: Mapping[str, float]) -> list[Candidate]:
    return [Candidate(make(id_), raw) for id_, raw in raws.items()]


def both(semantic: Mapping[str, float], keyword: Mapping[str, float]) -> Arms:
    return {Arm.SEMANTIC: candidates(semantic), Arm.KEYWORD: candidates(keyword)}


def order(fused: Sequence[Fused]) -> list[str]:
    return [found.memory.id for found in fused]


IDS = st.sampled_from([f"m{i}" for i in range(12)])
ARMS = st.builds(
    both,
    st.dictionaries(IDS, st.floats(-1, 1)),
    st.dictionaries(IDS, st.floats(0, 1)),
)


def test_what_both_arms_like_comes_first() -> None:
    arms = both({"a": 0.9, "b": 0.8, "c": 0.1}, {"b": 1.0, "c": 0.3, "a": 0.2})
    assert order(fuse(arms)) == ["b", "a", "c"]


def test_the_only_memory_with_a_word_comes_before_its_equals_in_meaning() -> None:
    arms = both({"a": 0.5, "b": 0.5, "c": 0.5}, {"c": 1.0})
    assert order(fuse(arms)) == ["c", "a", "b"]


def test_a_memory_without_a_vector_is_found_by_its_words() -> None:
    fused = fuse(both({"a": 0.9, "b": 0.1}, {"new": 1.0}))
    assert set(order(fused)) == {"a", "b", "new"}
    assert [arm.arm for arm in _of(fused, "new").arms] == [Arm.KEYWORD]


def test_by_meaning_alone_the_score_is_the_cosine_cut_to_0_to_1() -> None:
    fused = fuse({Arm.SEMANTIC: candidates({"a": -0.5, "b": 0.7, "c": 1.0000001})})
    assert [(found.memory.id, found.score) for found in fused] == [("c", 1), ("b", 0.7), ("a", 0)]


def test_by_words_alone_the_score_is_the_share_of_the_best() -> None:
    fused = fuse({Arm.KEYWORD: candidates({"a": 0.25, "b": 1.0})})
    assert [(found.memory.id, found.score) for found in fused] == [("b", 1), ("a", 0.25)]


def test_a_score_is_the_logistic_function_of_the_weighted_z_scores_that_explain_it() -> None:
    fused = fuse(both({"a": 0.9, "b": 0.1}, {"a": 1.0, "b": 0.5}))
    top = fused[0]
    total = sum(arm.weight * arm.normalized for arm in top.arms)
    assert top.score == pytest.approx(1 / (1 + math.exp(-total)))
    assert [(arm.arm, arm.rank, arm.raw) for arm in top.arms] == [
        (Arm.KEYWORD, 1, 1.0),
        (Arm.SEMANTIC, 1, 0.9),
    ]
    assert [arm.normalized for arm in top.arms] == pytest.approx([1.0, 1.0])


def test_the_same_id_of_two_owners_is_two_memories() -> None:
    own, shared = make("same", owner=ALICE), make("same", owner=SHARED)
    fused = fuse({Arm.SEMANTIC: [Candidate(own, 0.9)], Arm.KEYWORD: [Candidate(shared, 1.0)]})
    assert {found.memory.owner for found in fused} == {ALICE, SHARED}


def test_nothing_found_is_nothing() -> None:
    assert fuse({}) == fuse(both({}, {})) == fuse({Arm.KEYWORD: []}) == []


def test_values_too_close_to_tell_apart_are_equal() -> None:
    assert {found.score for found in fuse(both({"a": 5e-324, "b": 0.0}, {}))} == {0.5}


@given(ARMS)
def test_every_memory_found_is_there_once_with_a_score_from_0_to_1(arms: Arms) -> None:
    fused = fuse(arms)
    found = {candidate.memory.id for arm in arms.values() for candidate in arm}
    assert sorted(order(fused)) == sorted(found)
    assert all(0 <= one.score <= 1 for one in fused)
    assert order(fused) == [
        one.memory.id for one in sorted(fused, key=lambda one: (-one.score, one.memory.id))
    ]


@given(ARMS, st.randoms())
def test_the_order_in_which_candidates_come_makes_no_difference(arms: Arms, random: Random) -> None:
    shuffled = {arm: random.sample(found, len(found)) for arm, found in reversed(arms.items())}
    assert fuse(shuffled) == fuse(arms)


@given(ARMS)
def test_a_memory_that_is_at_least_as_good_in_each_arm_scores_no_lower(arms: Arms) -> None:
    raws = {arm: {one.memory.id: one.raw for one in found} for arm, found in arms.items()}
    fused = fuse(arms)
    scores = {one.memory.id: one.score for one in fused}
    in_both = raws[Arm.SEMANTIC].keys() & raws[Arm.KEYWORD].keys()
    for one in in_both:
        for other in in_both:
            if all(raw[one] >= raw[other] for raw in raws.values()):
                assert scores[one] >= scores[other]


@given(ARMS)
def test_ranks_count_from_1_in_each_arm(arms: Arms) -> None:
    fused = fuse(arms)
    for arm, found in arms.items():
        ranks = [score.rank for one in fused for score in one.arms if score.arm is arm]
        assert sorted(ranks) == list(range(1, len(found) + 1))


def _of(fused: Sequence[Fused], id_: str) -> Fused:
    return next(one for one in fused if one.memory.id == id_)
