"""Fitting, on answers made up so that it is known what should come out."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest
import torch

from memory_service.domain.features import NAMES
from memory_service.domain.ranking import Weights
from tests.evaluation.retrieval.fit import fitted, main
from tests.evaluation.retrieval.fitting import (
    Asked,
    calibrate,
    cross_validated,
    fit,
    quality,
)


def answers(seed: int = 1, count: int = 24) -> list[Asked]:
    """Answers of ten hits, of which the one with the highest "meaning" is evidence."""
    random = Random(seed)
    found = []
    for number in range(count):
        rows = [[random.random() for _ in NAMES] for _ in range(10)]
        best = max(range(10), key=lambda i: rows[i][NAMES.index("meaning")])
        turns = tuple((str(i),) for i in range(10))
        evidence = frozenset({str(best)})
        conversation = "ab"[number % 2]
        found.append(Asked(conversation, "c", evidence, turns, torch.tensor(rows)))
    return found


def with_meaning(*rows: tuple[float, tuple[str, ...]], evidence: str) -> Asked:
    """An answer whose hits have a "meaning" and come from turns."""
    features = [[meaning, *[0.0] * (len(NAMES) - 1)] for meaning, _ in rows]
    turns = tuple(of for _, of in rows)
    return Asked("a", "c", frozenset({evidence}), turns, torch.tensor(features))


def test_the_feature_that_tells_gets_the_weight() -> None:
    weights = dict(zip(NAMES, fit(answers()).tolist(), strict=True))
    assert max(weights, key=lambda name: weights[name]) == "meaning"
    assert cross_validated(answers()).ndcg > 0.9


def test_without_it_the_rest_cannot_tell() -> None:
    rest = [name for name in NAMES if name != "meaning"]
    assert fit(answers(), rest)[NAMES.index("meaning")] == 0
    assert cross_validated(answers(), rest).ndcg < 0.8


def test_answers_may_be_of_different_lengths_and_without_evidence() -> None:
    asked = answers()
    none = with_meaning((0.5, ("x",)), evidence="y")
    empty = Asked("a", "c", frozenset("y"), (), torch.zeros(0, len(NAMES)))
    assert torch.allclose(fit([*asked, none, empty]), fit(asked), atol=1e-3)


def test_a_fact_is_evidence_if_a_turn_that_it_comes_from_is_and_a_turn_counts_once() -> None:
    asked = with_meaning((0.9, ("m1", "m2")), (0.8, ("m1",)), (0.7, ("m3",)), evidence="m2")
    assert asked.relevant.tolist() == [1, 0, 0]
    weights = torch.ones(len(NAMES))
    assert asked.ranking(weights) == ["m1", "m2", "m3"]
    assert quality([asked], weights).recall == 1
    assert quality([asked], weights).ndcg == pytest.approx(0.6309, abs=1e-4)


def test_only_what_the_answers_have_is_fitted_and_gains() -> None:
    asked = [
        Asked(
            each.conversation,
            each.category,
            each.evidence,
            each.sources,
            each.features * torch.tensor([float(name != "vote") for name in NAMES]),
        )
        for each in answers()
    ]
    today = Weights(0.0, {})
    found = fitted(asked, today)
    assert set(found.gains) == set(NAMES) - {"vote"}
    assert max(found.gains, key=lambda name: found.gains[name]) == "meaning"
    assert found.weights.of["vote"] == 0
    assert found.elsewhere.ndcg > found.today.ndcg


def test_scores_are_scaled_to_the_share_of_evidence() -> None:
    asked = answers()
    weights = fit(asked)
    scale, bias = calibrate(asked, weights)
    odds = torch.cat([each.features @ weights for each in asked])
    mean = torch.sigmoid(scale * odds + bias).mean()
    assert abs(float(mean) - 0.1) < 0.005


def test_one_conversation_is_too_few(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--dataset", str(Path(__file__).with_name("example.jsonl"))])
    assert "one conversation" in capsys.readouterr().err
