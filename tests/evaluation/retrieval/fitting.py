"""Weights of a ranking from what people named as evidence, and how well they do elsewhere. Pure.

The weights maximise the likelihood of the evidence under a softmax over each answer, with a penalty
on their squares, each question weighed by how rare its category is. They and a bias are then scaled
so that the score, a logistic function, is the share of hits with such a score that are evidence.
"""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import fmean

import torch
from torch import Tensor

from memory_service.domain.features import NAMES

from .metrics import NDCG_DEPTH, ndcg, recall

PENALTY = 3e-3
UNITS = {"meaning": 0.25, "words": 0.25, "neighbor": 0.5, "vote": 0.5}
"""How much of a feature is penalised like 1 of the others: these hardly reach 1."""


@dataclass(frozen=True)
class Asked:
    """What a question found: of each hit a row of features, and the turns that it comes from.

    A turn comes from itself, a fact from all that it was drawn from; a hit is evidence if one of
    its turns is.
    """

    conversation: str
    category: str
    evidence: frozenset[str]
    sources: tuple[tuple[str, ...], ...]
    features: Tensor

    @cached_property
    def relevant(self) -> Tensor:
        """1 for each hit that is evidence, 0 for the others."""
        return torch.tensor([float(not self.evidence.isdisjoint(of)) for of in self.sources])

    def ranking(self, weights: Tensor) -> list[str]:
        """Return the turns of the hits as these weights rank them, each once."""
        order = torch.argsort(self.features @ weights, descending=True, stable=True).tolist()
        ranked = itertools.chain.from_iterable(self.sources[place] for place in order)
        return list(dict.fromkeys(ranked))


@dataclass(frozen=True, slots=True)
class Quality:
    """How good rankings are: means over the questions of a category, then over the categories."""

    ndcg: float
    recall: float


def fit(asked: Sequence[Asked], names: Sequence[str] = NAMES) -> Tensor:
    """Return weights for all of NAMES, 0 for those that are not among `names`."""
    units = torch.tensor([UNITS.get(name, 1.0) for name in NAMES])
    scale = torch.tensor([float(name in names) for name in NAMES]) / units
    cases = [each for each in asked if each.relevant.any()]
    rows, there, wanted = _padded(cases)
    rarity = Counter(each.category for each in asked)
    importance = torch.tensor([rarity[each.category] ** -0.5 for each in cases])
    importance = importance / torch.tensor([_pieces(each) for each in cases])
    free = torch.zeros(len(NAMES), requires_grad=True)

    def loss() -> Tensor:
        odds = (rows @ (free * scale)).masked_fill(~there, float("-inf"))
        likelihoods = (torch.log_softmax(odds, 1).masked_fill(~there, 0.0) * wanted).sum(1)
        return PENALTY * (free * free).sum() - (likelihoods @ importance) / importance.sum()

    _minimise(loss, free)
    return (free * scale).detach()


def _pieces(asked: Asked) -> float:
    """Return what a question's likelihood is shared by, so that one with much to find counts as
    much as others: a turn that is evidence may be many facts."""
    return max(float(len(asked.evidence)), float(asked.relevant.sum()))


def _padded(cases: Sequence[Asked]) -> tuple[Tensor, Tensor, Tensor]:
    """Return the features of all hits of all answers, which of them are there, and which are
    evidence: all at once is many times faster than one after the other."""
    pad = torch.nn.utils.rnn.pad_sequence
    rows = pad([each.features for each in cases], batch_first=True)
    there = pad([torch.ones(len(each.sources), dtype=torch.bool) for each in cases], True)
    return rows, there, pad([each.relevant for each in cases], batch_first=True)


def calibrate(asked: Sequence[Asked], weights: Tensor) -> tuple[float, float]:
    """Return scale and bias by which the score is a share of evidence (Platt's method)."""
    odds = torch.cat([each.features @ weights for each in asked])
    relevant = torch.cat([each.relevant for each in asked])
    free = torch.tensor([0.5, -3.0], requires_grad=True)

    def loss() -> Tensor:
        return torch.nn.functional.binary_cross_entropy_with_logits(
            free[0] * odds + free[1], relevant
        )

    _minimise(loss, free)
    scale, bias = free.tolist()
    return scale, bias


def _minimise(loss: Callable[[], Tensor], free: Tensor) -> None:
    optimiser = torch.optim.LBFGS([free], max_iter=100, line_search_fn="strong_wolfe")

    def step() -> Tensor:
        optimiser.zero_grad()
        value = loss()
        value.backward()  # type: ignore[no-untyped-call]
        return value

    optimiser.step(step)  # type: ignore[no-untyped-call]


def cross_validated(asked: Sequence[Asked], names: Sequence[str] = NAMES) -> Quality:
    """Return how good it is to rank each conversation by weights fitted on the others."""
    weights = {
        held_out: fit([each for each in asked if each.conversation != held_out], names)
        for held_out in dict.fromkeys(each.conversation for each in asked)
    }
    return _quality((each, weights[each.conversation]) for each in asked)


def quality(asked: Sequence[Asked], weights: Tensor) -> Quality:
    """Return how good it is to rank all by the same weights."""
    return _quality((each, weights) for each in asked)


def _quality(weighed: Iterable[tuple[Asked, Tensor]]) -> Quality:
    found: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for each, weights in weighed:
        ranking = each.ranking(weights)
        shares = ndcg(ranking, each.evidence), recall(ranking, each.evidence, NDCG_DEPTH)
        found[each.category].append(shares)
    of_categories = [tuple(map(fmean, zip(*values, strict=True))) for values in found.values()]
    return Quality(*map(fmean, zip(*of_categories, strict=True)))
