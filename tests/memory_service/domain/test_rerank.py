from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory_service.domain.rerank import blend

scores_ = st.lists(st.floats(0, 1), min_size=1, max_size=20).map(lambda s: sorted(s, reverse=True))
shares = st.floats(0, 1)
ROUNDING = 1e-8


@st.composite
def rankings(draw) -> tuple[list[float], list[float]]:
    """A ranking, and the scores of a reranker for its first ones."""
    scores = draw(scores_)
    depth = draw(st.integers(0, len(scores)))
    return scores, draw(st.lists(st.floats(0, 1), min_size=depth, max_size=depth))


def test_both_opinions_are_pooled_in_log_odds():
    [new] = blend([0.8], [0.5], 0.5)  # odds of 4 and of 1: the geometric mean is 2
    assert new == pytest.approx(2 / 3)
    [new] = blend([0.5], [0.9], 0.25)
    assert math.log(new / (1 - new)) == pytest.approx(0.25 * math.log(9))


def test_the_reranker_turns_an_order_that_the_ranking_was_not_sure_of():
    first, second = blend([0.6, 0.55], [0.1, 0.9])
    assert first < second


def test_what_was_not_read_stays_below_what_was_and_keeps_its_proportions():
    blended = blend([0.9, 0.8, 0.7, 0.35], [0.9, 0.2], 1)
    assert blended == pytest.approx([0.9, 0.2, 0.2, 0.1])
    assert blend([0.9, 0.8, 0.1], [0.9, 0.2], 1) == pytest.approx([0.9, 0.2, 0.1])


@given(rankings(), shares)
def test_scores_stay_scores_one_for_each(ranking, share: float):
    blended = blend(*ranking, share)
    assert len(blended) == len(ranking[0])
    assert all(0 <= score <= 1 for score in blended)


@given(rankings())
def test_a_share_of_nothing_changes_nothing(ranking):
    assert blend(*ranking, 0) == ranking[0]


@given(rankings())
def test_a_share_of_all_is_the_rerankers_opinion(ranking):
    scores, reranked = ranking
    assert blend(scores, reranked, 1)[: len(reranked)] == pytest.approx(reranked, abs=ROUNDING)


@given(scores_, shares)
def test_nothing_read_changes_nothing(scores: list[float], share: float):
    assert blend(scores, [], share) == scores


@given(rankings(), shares)
def test_the_unread_keep_their_order_below_the_read(ranking, share: float):
    scores, reranked = ranking
    blended = blend(scores, reranked, share)
    read, unread = blended[: len(reranked)], blended[len(reranked) :]
    assert unread == sorted(unread, reverse=True)
    assert all(new <= old for new, old in zip(unread, scores[len(reranked) :], strict=True))
    if share and read and unread:
        assert max(unread) <= min(read)


@given(rankings(), shares, st.floats(0, 1), st.data())
def test_a_better_opinion_never_gives_a_lower_score(ranking, share: float, more: float, data):
    scores, reranked = ranking
    if not reranked:
        return
    place = data.draw(st.integers(0, len(reranked) - 1))
    better = [*reranked]
    better[place] = max(better[place], more)
    before, after = blend(scores, reranked, share), blend(scores, better, share)
    assert all(new >= old - ROUNDING for new, old in zip(after, before, strict=True))


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1), shares)
def test_a_better_rank_never_gives_a_lower_score(a: float, b: float, opinion: float, share: float):
    better, worse = blend([max(a, b), min(a, b)], [opinion, opinion], share)
    assert better >= worse - ROUNDING


@given(rankings(), shares)
def test_a_new_score_lies_between_the_two_opinions(ranking, share: float):
    scores, reranked = ranking
    blended = blend(scores, reranked, share)
    for old, opinion, new in zip(scores, reranked, blended, strict=False):
        assert min(old, opinion) - ROUNDING <= new <= max(old, opinion) + ROUNDING
