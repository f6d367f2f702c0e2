"""Favour what is recent, or important, among all that a search found. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from memory_service.domain.ranking import Ranked, Signal
from memory_service.domain.signals import Signals


@dataclass(frozen=True, slots=True)
class Boosts:
    """Weights of recency and importance beside the score, which has 1; how fast things age."""

    recency: float = 0.0
    half_life: int = 30 * 24 * 3600 * 1_000_000
    """Microseconds after which something is half as recent."""
    importance: float = 0.0

    def __bool__(self) -> bool:
        return self.recency > 0 or self.importance > 0


NONE = Boosts()


def boosted(ranked: Sequence[Ranked], boosts: Boosts, now: int) -> list[Ranked]:
    """Return all of `ranked` in their new order.

    The score becomes the weighted mean of itself (weight 1), recency and importance:
    recency = 2 ** (-age / half-life), by when a memory was said last; importance = 1 of a pinned
    memory, else 1 - 1 / n of one that was said n times. Equals stay in the order that they had.
    """
    if not boosts:
        return list(ranked)
    return sorted([_boosted(each, boosts, now) for each in ranked], key=lambda each: -each.score)


def _boosted(each: Ranked, boosts: Boosts, now: int) -> Ranked:
    signals = each.found.signals
    added = (
        Signal("recency", _recency(signals, boosts.half_life, now), boosts.recency),
        Signal("importance", _importance(signals), boosts.importance),
    )
    total = each.score + sum(boost.value * boost.weight for boost in added)
    score = total / (1 + boosts.recency + boosts.importance)
    return each._replace(score=score, boosts=tuple(boost for boost in added if boost.weight))


def _recency(signals: Signals, half_life: int, now: int) -> float:
    age = max(now - signals.said, 0)
    return float(2.0 ** (-age / half_life))


def _importance(signals: Signals) -> float:
    return 1.0 if signals.pinned else 1.0 - 1.0 / max(signals.mentions, 1)
