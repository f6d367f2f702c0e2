"""Fitting, on answers made up so that it is known what should come out."""

from __future__ import annotations

from random import Random

import torch

from tests.evaluation.retrieval.fit import NAMES, Asked, calibrate, cross_validated, fit


def answers(seed: int = 1, count: int = 24) -> list[Asked]:
    """Answers of ten hits, of which the one with the highest "meaning" is evidence."""
    random = Random(seed)
    found = []
    for number in range(count):
        rows = [[random.random() for _ in NAMES] for _ in range(10)]
        best = max(range(10), key=lambda i: rows[i][NAMES.index("meaning")])
        turns = tuple(str(i) for i in range(10))
        evidence = frozenset({str(best)})
        conversation = "ab"[number % 2]
        found.append(Asked(conversation, "c", evidence, turns, torch.tensor(rows)))
    return found


def test_the_feature_that_tells_gets_the_weight() -> None:
    weights = dict(zip(NAMES, fit(answers()).tolist(), strict=True))
    assert max(weights, key=lambda name: weights[name]) == "meaning"
    assert cross_validated(answers()) > 0.9


def test_without_it_the_rest_cannot_tell() -> None:
    rest = [name for name in NAMES if name != "meaning"]
    assert fit(answers(), rest)[NAMES.index("meaning")] == 0
    assert cross_validated(answers(), rest) < 0.8


def test_scores_are_scaled_to_the_share_of_evidence() -> None:
    asked = answers()
    weights = fit(asked)
    scale, bias = calibrate(asked, weights)
    odds = torch.cat([each.features @ weights for each in asked])
    mean = torch.sigmoid(scale * odds + bias).mean()
    assert abs(float(mean) - 0.1) < 0.005
