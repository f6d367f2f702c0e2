"""What a measurement is, and the figures taken from it. Times are in seconds."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

ENOUGH_FOR_P99 = 100
"""Calls; of fewer, one in a hundred is less than one."""


class BenchmarkError(Exception):
    """Nothing can be measured; the message is one line that says why."""


@dataclass(frozen=True)
class Sample:
    """One round: how long it took, how long each call of it took, and how much a call does."""

    seconds: float
    latencies: tuple[float, ...]
    units: int = 1

    @property
    def rate(self) -> float:
        """Units a second."""
        return len(self.latencies) * self.units / self.seconds


@dataclass(frozen=True)
class Summary:
    """Several rounds. The rate is their median, so that one disturbed round does not count.

    `rates`, those of the rounds in their order, tell how far to trust it.
    The percentiles are of all calls of all rounds; p99 is None if there are too few to tell.
    """

    rate: float
    rates: tuple[float, ...]
    p50: float
    p99: float | None
    calls: int


def summarise(rounds: Sequence[Sample]) -> Summary:
    """Return the figures of at least one round."""
    rates = [sample.rate for sample in rounds]
    latencies = [latency for sample in rounds for latency in sample.latencies]
    return Summary(
        rate=statistics.median(rates),
        rates=tuple(rates),
        p50=percentile(latencies, 50),
        p99=percentile(latencies, 99) if len(latencies) >= ENOUGH_FOR_P99 else None,
        calls=len(latencies),
    )


def ratio(rounds: Sequence[Sample], baseline: Sequence[Sample]) -> float:
    """Return the median of each round's own ratio of rates.

    What disturbs the machine for longer than a round slows both and leaves their ratio alone.
    """
    pairs = zip(rounds, baseline, strict=True)
    return statistics.median(ours.rate / theirs.rate for ours, theirs in pairs)


def percentile(values: Sequence[float], percent: float) -> float:
    """The nearest-rank percentile: the smallest value that so many percent do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]
