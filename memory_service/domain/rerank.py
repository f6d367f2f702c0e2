"""What a cross-encoder's scores make of a ranking. Pure.

Share and depth are chosen, not measured: no trained cross-encoder was at hand to measure with.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

SHARE = 0.5
"""What the reranker's opinion weighs against the first ranking's: as much."""

DEPTH = 30
"""How many of the best are read again: three pages of the usual ten."""

_NEAREST = 1e-9
"""Scores are kept so far from 0 and 1, whose log-odds are infinite."""


def blend(scores: Sequence[float], reranked: Sequence[float], share: float = SHARE) -> list[float]:
    """Return the new scores, 0 to 1, in the order of the old ones.

    `scores` are those of a ranking, 0 to 1, the best first; `reranked` those that the reranker
    gave to its first ones, 0 to 1. A memory that was read gets the weighted mean of both in
    log-odds, which is how two opinions of one probability are pooled ("logarithmic opinion pool",
    Genest & Zidek 1986):

        logit(new) = (1 - share) * logit(score) + share * logit(reranked)

    What was not read stays below what was: where the first of it would have more than the least of
    the new scores, all of it shrinks in proportion. `share` 0 changes nothing.
    """
    if not reranked or share == 0:
        return list(scores)
    read = [
        _logistic((1 - share) * _logit(score) + share * _logit(new))
        for score, new in zip(scores, reranked, strict=False)
    ]
    return read + _at_most(min(read), scores[len(read) :])


def _at_most(most: float, scores: Sequence[float]) -> list[float]:
    """Return scores in the same proportions, the first of which is the greatest."""
    if not scores or scores[0] <= most:
        return list(scores)
    return [min(most, score * (most / scores[0])) for score in scores]


def _logit(probability: float) -> float:
    kept = min(max(probability, _NEAREST), 1 - _NEAREST)
    return math.log(kept / (1 - kept))


def _logistic(log_odds: float) -> float:
    return 1 / (1 + math.exp(-log_odds))
