"""The measures of retrieval against values worked out by hand."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from extractor_service.hashing import HashingEmbedder
from tests.evaluation.retrieval import baselines
from tests.evaluation.retrieval.corpus import Conversation, Question, Session, Turn
from tests.evaluation.retrieval.metrics import Hit, figures, macro, ndcg, recall, threshold

FOUND = ["a", "b", "c", "d"]


def question(*evidence: str, category: str = "single-hop") -> Question:
    return Question("?", category, frozenset(evidence))


def hits(**scores: float) -> list[Hit]:
    return [Hit(turn, score) for turn, score in scores.items()]


def test_one_relevant_turn_gains_by_its_rank() -> None:
    assert ndcg(FOUND, {"a"}) == 1
    assert ndcg(FOUND, {"b"}) == pytest.approx(1 / math.log2(3))
    assert ndcg(FOUND, {"c"}) == pytest.approx(0.5)
    assert ndcg(FOUND, {"x"}) == 0


def test_several_relevant_turns_are_measured_against_having_all_of_them_first() -> None:
    # 1 + 1/log2(4) = 1.5 of 1 + 1/log2(3) = 1.63093.
    assert ndcg(FOUND, {"a", "c"}) == pytest.approx(1.5 / 1.6309297536)
    # 1/log2(3) + 1/log2(5) = 1.06161 of 1 + 1/log2(3) + 1/log2(4) = 2.13093; "x" is not found.
    assert ndcg(FOUND, {"b", "d", "x"}) == pytest.approx(1.0616063117 / 2.1309297536)
    assert ndcg(FOUND, {"a", "b", "c"}) == 1


def test_what_is_further_down_gains_nothing_and_the_ideal_is_as_short() -> None:
    assert ndcg(FOUND, {"c"}, depth=2) == 0
    assert ndcg(FOUND, {"a", "b", "c"}, depth=2) == 1


def test_a_ranking_shorter_than_the_depth_counts_as_it_is() -> None:
    assert ndcg(["b"], {"a", "b"}) == pytest.approx(1 / 1.6309297536)
    assert ndcg([], {"a"}) == 0
    assert recall(["b"], {"a", "b"}, 10) == 0.5
    assert recall([], {"a"}, 10) == 0


def test_recall_is_the_share_of_the_evidence_so_far_down() -> None:
    assert recall(FOUND, {"a", "d", "x"}, 1) == pytest.approx(1 / 3)
    assert recall(FOUND, {"a", "d", "x"}, 4) == pytest.approx(2 / 3)


def test_figures_are_means_and_macro_lets_each_category_count_the_same() -> None:
    many = figures([question("a"), question("c")], [FOUND, FOUND])
    assert many["ndcg@10"] == pytest.approx(0.75)
    assert many["recall@5"] == 1
    few = figures([question("x")], [FOUND])
    assert macro({"many": many, "few": few})["ndcg@10"] == pytest.approx(0.375)


def test_equal_scores_are_ranked_in_the_order_of_the_conversation() -> None:
    told = _conversation("one", "two", "three", "four")
    scores = np.array([0.0, 1.0, 0.0, 1.0], dtype=np.float32)
    assert baselines.ranked(told, scores) == ["m2", "m4", "m1", "m3"]


def test_words_and_meaning_both_find_the_turn_with_the_words() -> None:
    told = _conversation("It rains.", "The cat sleeps on the sofa.", "Trains are late.")
    asked = Conversation(
        told.name, told.sessions, (Question("sleeping cat", "", frozenset({"m2"})),)
    )
    assert baselines.by_words(asked)[0][0] == "m2"
    assert baselines.by_meaning(asked, HashingEmbedder())[0][0] == "m2"


def test_a_threshold_leaves_out_lower_scores() -> None:
    asked = [question("a"), question("b", "x")]
    answers = [hits(a=0.9, b=0.5, c=0.1), hits(b=0.5, c=0.5)]
    everything = threshold(0, asked, answers)
    assert everything.precision == pytest.approx(2 / 5)
    assert everything.recall == pytest.approx(0.75)
    assert everything.hits == 2.5
    assert everything.silent == 0
    half = threshold(0.5, asked, answers)
    assert (half.precision, half.hits) == (0.5, 2)
    strict = threshold(0.6, asked, answers)
    assert (strict.precision, strict.recall, strict.silent) == (1, 0.5, 0.5)


def test_adversarial_questions_are_best_answered_with_nothing_or_nothing_wrong() -> None:
    asked = [
        question("a", category="adversarial"),
        question("a", category="adversarial"),
        question("a"),
    ]
    answers = [hits(a=0.8, b=0.3), hits(c=0.2), hits(c=0.9)]
    rows = [threshold(value, asked, answers) for value in (0.1, 0.25, 0.5, 0.9)]
    assert [row.adversarial_silent for row in rows] == [0, 0.5, 0.5, 1]
    assert [row.adversarial_nothing_wrong for row in rows] == [0, 0.5, 1, 1]


def test_shares_of_nothing_are_not_given() -> None:
    row = threshold(0.5, [question("a")], [[]])
    assert row.precision is row.adversarial_silent is row.adversarial_nothing_wrong is None


def _conversation(*texts: str) -> Conversation:
    start = datetime(2025, 1, 1, tzinfo=UTC)
    turns = tuple(
        Turn(f"m{number}", "Ana", text, start + number * timedelta(minutes=1))
        for number, text in enumerate(texts, 1)
    )
    return Conversation("test", (Session("s", "a date", turns),), ())
