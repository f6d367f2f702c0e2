"""Takes the time of each step."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from time import perf_counter


class Stopwatch:
    """Keeps how long each call of each step took, in seconds, in the order of the calls."""

    def __init__(self) -> None:
        self._laps: dict[str, list[float]] = {}

    @property
    def laps(self) -> Mapping[str, Sequence[float]]:
        """The steps in the order in which they were first taken."""
        return self._laps

    @contextmanager
    def time(self, step: str) -> Iterator[None]:
        """Take the time of what is done inside, unless it fails."""
        start = perf_counter()
        yield
        self._laps.setdefault(step, []).append(perf_counter() - start)


def percentile(values: Sequence[float], percent: float) -> float:
    """The nearest-rank percentile: the smallest value that so many percent do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]
