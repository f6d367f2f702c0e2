"""How good a ranking is, and what a threshold lets through. Pure."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from .corpus import ADVERSARIAL, Question

DEPTHS = (5, 10, 25, 50)
"""How far down recall is counted."""

NDCG_DEPTH = 10


def ndcg(ranking: Sequence[str], relevant: Collection[str], depth: int = NDCG_DEPTH) -> float:
    """Return the normalised discounted cumulative gain of the first `depth`, 0 to 1.

    Gains are 0 or 1, the discount is log2(rank + 1), and the ideal has all relevant first, as in
    trec_eval and MTEB. `ranking` names nothing twice, and `relevant` is not empty.
    """
    gained = sum(
        _gain(rank) for rank, id_ in enumerate(ranking[:depth], start=1) if id_ in relevant
    )
    return gained / sum(_gain(rank) for rank in range(1, min(depth, len(relevant)) + 1))


def recall(ranking: Sequence[str], relevant: Collection[str], depth: int) -> float:
    """Return the share of `relevant` among the first `depth`."""
    return sum(id_ in relevant for id_ in ranking[:depth]) / len(relevant)


def _gain(rank: int) -> float:
    return 1 / math.log2(rank + 1)


Figures = dict[str, float]
"""ndcg@10, recall@5 and so on, 0 to 1."""


def figures(questions: Sequence[Question], rankings: Sequence[Sequence[str]]) -> Figures:
    """Return the means over at least one question."""
    asked = [(ranking, q.evidence) for q, ranking in zip(questions, rankings, strict=True)]
    return {
        f"ndcg@{NDCG_DEPTH}": fmean(ndcg(ranking, evidence) for ranking, evidence in asked),
        **{
            f"recall@{depth}": fmean(
                recall(ranking, evidence, depth) for ranking, evidence in asked
            )
            for depth in DEPTHS
        },
    }


def macro(by_category: Mapping[str, Figures]) -> Figures:
    """Return the means over categories, each counting the same."""
    (first, *_) = by_category.values()
    return {name: fmean(found[name] for found in by_category.values()) for name in first}


@dataclass(frozen=True, slots=True)
class Hit:
    """A turn that was found, and the score of what found it."""

    turn: str
    score: float


@dataclass(frozen=True, slots=True)
class Threshold:
    """What is left of the answers when hits below `min_score` are left out.

    `precision`: the share of all hits that are evidence, None without a hit. `recall`: the share of
    evidence that is found, as a mean. `hits`: the mean number. `silent`: the share of questions
    answered with nothing; then the same of the adversarial ones, and the share of those answered
    with nothing that is not evidence; None if there are none.
    """

    min_score: float
    precision: float | None
    recall: float
    hits: float
    silent: float
    adversarial_silent: float | None
    adversarial_nothing_wrong: float | None


def threshold(
    min_score: float, questions: Sequence[Question], answers: Sequence[Sequence[Hit]]
) -> Threshold:
    """Return what this threshold does to the answers."""
    kept = [[hit.turn for hit in answer if hit.score >= min_score] for answer in answers]
    asked = list(zip(questions, kept, strict=True))
    hits = sum(map(len, kept))
    right = sum(turn in question.evidence for question, turns in asked for turn in turns)
    hostile = [(q, turns) for q, turns in asked if q.category == ADVERSARIAL]
    return Threshold(
        min_score,
        precision=right / hits if hits else None,
        recall=fmean(recall(turns, q.evidence, len(turns)) for q, turns in asked),
        hits=hits / len(asked),
        silent=fmean(not turns for turns in kept),
        adversarial_silent=_share([not turns for _, turns in hostile]),
        adversarial_nothing_wrong=_share([q.evidence.issuperset(turns) for q, turns in hostile]),
    )


def _share(flags: Sequence[bool]) -> float | None:
    return fmean(flags) if flags else None
