"""What happens in a run: calls and their outcomes, faults, sizes of processes, broken promises."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field

from tests.chaos.schedule import Fault


@dataclass(frozen=True)
class Struck:
    """A fault that was, from when to when, in seconds of the run."""

    fault: Fault
    began: float
    ended: float


@dataclass(frozen=True)
class Size:
    """What a process held at a time: resident bytes, of life `life` of the process `name`."""

    name: str
    life: int
    seconds: float
    bytes: int


@dataclass
class Record:
    """Filled while a run goes on; read afterwards."""

    began: float = field(default_factory=time.monotonic)
    outcomes: list[tuple[float, str, str]] = field(default_factory=list)
    """When, which call, and how it ended: "OK" or a status code."""
    struck: list[Struck] = field(default_factory=list)
    sizes: list[Size] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    """A line for each promise that was not kept."""
    phases: dict[str, float] = field(default_factory=dict)
    """When each part of the run was over, in seconds."""

    @property
    def now(self) -> float:
        """Seconds since the run began."""
        return time.monotonic() - self.began

    def ended(self, call: str, outcome: str) -> None:
        """Note a call that has ended."""
        self.outcomes.append((self.now, call, outcome))

    def breaks(self, promise: str) -> None:
        """Note that a promise was not kept."""
        self.broken.append(f"{self.now:7.2f} s: {promise}")

    def counts(self) -> dict[str, Counter[str]]:
        """How each call ended, how often."""
        found: dict[str, Counter[str]] = {}
        for _, call, outcome in self.outcomes:
            found.setdefault(call, Counter())[outcome] += 1
        return found
