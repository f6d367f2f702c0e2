"""Make one ranking of what the arms of a search found. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from memory_service.domain.asking import Asked
from memory_service.domain.features import Features, Pool, features
from memory_service.domain.search import Arm, Arms, Found


@dataclass(frozen=True, slots=True)
class ArmScore:
    """What one arm said: `rank` from 1, and its own measure."""

    arm: Arm
    rank: int
    raw: float


@dataclass(frozen=True, slots=True)
class Signal:
    """One of the things that speak for a memory: there is `value` of it, and it counts `weight`."""

    name: str
    value: float
    weight: float


MANY = 50
"""Memories found together from which on how many there are is not known: an arm brings as many."""


def few(memories: int) -> float:
    """Return what it adds to the log-odds of each that there are only so many.

    One or two memories bear on most questions, so each of five is likelier to than each of five
    hundred, for which the bias was fitted: the odds are inverse to their number.
    """
    return math.log(MANY / memories) if 0 < memories < MANY else 0.0


@dataclass(frozen=True, slots=True)
class Weights:
    """How much of the log-odds that a memory bears on the query there is without anything that
    speaks for it, and how much each feature adds."""

    bias: float
    of: Mapping[str, float]

    def odds(self, features: Features, memories: int) -> list[float]:
        """Return the log-odds of each of so many memories with these features, found together."""
        odds = [self.bias + few(memories)] * memories
        for name, values in features.items():
            weight = self.of.get(name, 0.0)
            odds = [so_far + weight * value for so_far, value in zip(odds, values, strict=True)]
        return odds


@dataclass(frozen=True, slots=True)
class Reasons:
    """What was said for each of the memories that were ranked together, and how it counted."""

    features: Features
    weights: Weights
    memories: int

    def of(self, place: int) -> tuple[Signal, ...]:
        """Return bias and what is not 0 of one: value times weight adds up to its log-odds."""
        spoken = ((name, values[place]) for name, values in self.features.items())
        signals = (Signal(name, value, self.weights.of.get(name, 0.0)) for name, value in spoken)
        said = (Signal("few", few(self.memories), 1.0), *signals)
        return (Signal("bias", 1.0, self.weights.bias), *(each for each in said if each.value))


class Ranked(NamedTuple):
    """A memory with its score, 0 to 1, and how it came about: `arms` found it among others.

    A single arm has no `reasons`; `place` is the memory's among them. A tuple, because hundreds are
    made for a search, of which ten are shown: what was said of it is looked up for those.
    """

    found: Found
    score: float
    arms: Arms
    reasons: Reasons | None = None
    place: int = 0
    boosts: tuple[Signal, ...] = ()

    @property
    def said(self) -> list[ArmScore]:
        """What each arm that found it said."""
        return [
            ArmScore(arm, place, each.raw)
            for arm in sorted(self.arms, key=lambda arm: arm.value)
            for place, each in enumerate(self.arms[arm], start=1)
            if each.key == self.found.key
        ]

    @property
    def signals(self) -> tuple[Signal, ...]:
        """What its log-odds are made of."""
        return self.reasons.of(self.place) if self.reasons else ()


OF_TURNS = Weights(
    bias=-9.4,
    of={
        "meaning": 2.7,
        "words": 4.5,
        "named": 1.3,
        "length": 0.26,
        "answers": 0.4,
        "timed": 1.0,
        "dated": 2.0,
        "neighbor": 3.9,
        "vote": 3.1,
    },
)
OF_FACTS = Weights(
    bias=-8.5,
    of={
        "meaning": 7.7,
        "words": 5.3,
        "named": 0.6,
        "length": 0.48,
        "answers": 0.0,
        "timed": 0.4,
        "dated": 2.4,
    },
)
"""Fitted on four conversations of LoCoMo: what ranks best within an answer, scaled so that the
score is the share of memories with such a score that people named as evidence; a fact is evidence
if a turn that it comes from is. `make fit-ranking` makes both again; docs/retrieval.md has the
figures."""


def rank_arm(arms: Arms) -> list[Ranked]:
    """Rank what a single arm found by its own measure, cut to 0 to 1."""
    return in_order(
        [
            Ranked(each, min(max(each.raw, 0.0), 1.0), arms)
            for found in arms.values()
            for each in found
        ]
    )


def rank(
    pool: Pool, arms: Arms, asked: Asked, weights: Weights, facts: Pool | None = None
) -> list[Ranked]:
    """Score all that the arms found by all that speaks for it, in no order.

    The score is the logistic function of bias and weighted features, the chance that a memory
    bears on the query as conversations of people have it: comparable between answers.
    """
    said, memories = features(pool, asked, facts), len(pool.found)
    reasons, odds = Reasons(said, weights, memories), weights.odds(said, memories)
    return [
        Ranked(found, _logistic(value), arms, reasons, place)
        for place, (found, value) in enumerate(zip(pool.found, odds, strict=True))
    ]


def in_order(ranked: Sequence[Ranked]) -> list[Ranked]:
    """Return the best first; equals come in the order of their ids."""
    return sorted(ranked, key=lambda each: (-each.score, each.found.key[1], each.found.key[0]))


def _logistic(value: float) -> float:
    return 1.0 / (1.0 + math.exp(-value))
