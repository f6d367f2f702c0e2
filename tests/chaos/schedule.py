"""Which fault strikes what, when and for how long: all of it follows from a seed."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

MEMORIES = ("memory-a", "memory-b")
PROCESSES = (*MEMORIES, "extractor", "redis")
LINKS = tuple(
    f"{end}-{instance}" for end in ("client", "redis", "extractor") for instance in ("a", "b")
)
"""The lines between each pair: clients and an instance, an instance and what it calls."""

PROCESS_KINDS = ("kill", "stop", "pause")
LINK_KINDS = ("cut", "delay", "hold")


@dataclass(frozen=True)
class Fault:
    """`kind` strikes `target` after `wait` seconds, for `seconds`; a delay is of `delay`."""

    number: int
    kind: str
    target: str
    wait: float
    seconds: float
    delay: float = 0.0


_WEIGHTS = {
    # What is started again is away for seconds: with more of it there would be little to strike.
    **{(kind, process): 0.5 for kind in PROCESS_KINDS for process in PROCESSES},
    ("kill", "extractor"): 0.1,
    ("stop", "extractor"): 0.1,
    ("kill", "redis"): 2.0,
    **{("pause", process): 1.5 for process in PROCESSES},
    **{(kind, link): 1.0 for kind in LINK_KINDS for link in LINKS},
}
_LONGEST = {"pause": 2.0, "delay": 3.0, "hold": 2.0}


def schedule(seed: int, *, gap: float) -> Iterator[Fault]:
    """Yield faults for ever, `gap` seconds apart on average. The first are one of each kind."""
    chance = random.Random(seed)
    first = [(kind, _any_target(chance, kind)) for kind in (*PROCESS_KINDS, *LINK_KINDS)]
    chance.shuffle(first)
    number = 0
    while True:
        number += 1
        if first:
            kind, target = first.pop()
        else:
            kind, target = chance.choices([*_WEIGHTS], [*_WEIGHTS.values()])[0]
        yield Fault(
            number,
            kind,
            target,
            wait=chance.uniform(0, 2 * gap),
            seconds=chance.uniform(0.1, _LONGEST.get(kind, 0.2)),
            delay=chance.uniform(0.005, 0.15) if kind == "delay" else 0.0,
        )


def _any_target(chance: random.Random, kind: str) -> str:
    return chance.choice([target for each, target in _WEIGHTS if each == kind])
