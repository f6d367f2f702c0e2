from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor_service.embed_queue import estimated_tokens
from extractor_service.rerank_plan import Batch, Pace, batches

MAX_TOKENS = 64


def text(tokens: int) -> str:
    """A text of so many tokens, as they are estimated."""
    return "x" * 4 * (tokens - 2)


def planned(*lengths: int, budget: int = 100, query: int = 10) -> list[Batch]:
    texts = [text(tokens) for tokens in lengths]
    return batches(text(query), texts, max_tokens=MAX_TOKENS, budget=budget)


def test_texts_of_like_length_go_together_within_the_budget_each_with_the_query():
    assert planned(40, 10, 12, 38) == [Batch((1, 2), 2 * 22), Batch((3, 0), 2 * 50)]


def test_a_pair_costs_no_more_than_the_model_reads_and_one_over_the_budget_is_alone():
    assert planned(5000, 5000, budget=63) == [Batch((0,), MAX_TOKENS), Batch((1,), MAX_TOKENS)]


@given(st.lists(st.integers(2, 100), max_size=50), st.integers(1, 300), st.integers(2, 100))
def test_every_text_is_in_one_batch_and_only_a_lone_pair_is_over_the_budget(
    lengths: list[int], budget: int, query: int
):
    plan = planned(*lengths, budget=budget, query=query)

    assert sorted(place for batch in plan for place in batch.places) == list(range(len(lengths)))
    for batch in plan:
        costs = [min(MAX_TOKENS, query + lengths[place]) for place in batch.places]
        assert batch.tokens == max(costs) * len(costs)
        assert batch.tokens <= budget or len(costs) == 1


def test_the_lengths_of_these_tests_are_those_of_the_plan():
    assert [estimated_tokens(text(tokens), 10_000) for tokens in (2, 3, 40)] == [2, 3, 40]


def test_nothing_measured_takes_no_time():
    assert Pace().seconds(1000) == 0


def test_the_pace_follows_the_batches_of_late_and_forgets_those_of_before():
    pace = Pace()
    pace.measured(100, 1.0)
    assert pace.seconds(50) == pytest.approx(0.5)
    for _ in range(30):
        pace.measured(100, 3.0)
    assert pace.seconds(50) == pytest.approx(1.5, rel=0.01)


def test_a_small_batch_says_little_of_what_a_token_takes():
    pace = Pace()
    pace.measured(1000, 1.0)
    pace.measured(1, 0.1)
    assert pace.seconds(1000) == pytest.approx(1.125, rel=0.01)


def test_refusals_take_from_the_belief_in_the_pace_until_a_call_is_tried_again():
    pace = Pace()
    pace.measured(100, 60.0)
    refusals = 0
    while pace.seconds(100) > 1 and refusals < 1000:
        pace.doubted()
        refusals += 1
    assert 50 < refusals < 100
