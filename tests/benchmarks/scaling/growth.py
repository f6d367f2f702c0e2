"""How throughput grows with a second replica, on this machine, where all of them share its CPUs.

The callers are always the same two processes; what changes is whom each of them calls.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import partial
from statistics import median

import psutil

from tests.benchmarks import operations
from tests.benchmarks.load import Opening, Target
from tests.benchmarks.plan import CROWD, FEW
from tests.benchmarks.processes import Processes

from .costs import Counted, drive
from .stand import Stand

ONE, WIDE = "one replica", "one, with an extractor of two threads"
TWO, BOTH = "two replicas", "one, before two extractors"


@dataclass(frozen=True)
class Work:
    """An operation, what is counted of it, how many call at once, and what it is tried on."""

    name: str
    unit: str
    opening: Opening
    callers: int
    on: tuple[str, ...]


@dataclass(frozen=True)
class Grown:
    """A rate; `ratio` is the median of the rounds' own ratios to ONE.

    `busy` is how many CPUs of the machine worked, whoever used them.
    """

    name: str
    unit: str
    on: str
    rate: float
    ratio: float
    busy: float


@dataclass(frozen=True)
class _Round:
    rate: float
    busy: float


WORK = (
    Work("append", "messages", operations.append, CROWD, (ONE, TWO)),
    Work("search hybrid", "searches", operations.search_hybrid, CROWD, (ONE, WIDE, TWO)),
    Work("create 32 a call", "memories", operations.create_batch, FEW, (ONE, WIDE, TWO)),
    Work("flush", "turns", partial(operations.flush, most=300), FEW, (ONE, WIDE, BOTH, TWO)),
)


async def measure(stand: Stand, processes: Processes, seconds: float, rounds: int) -> list[Grown]:
    """Measure each operation on what it is tried on, in turn, in rounds."""
    found: dict[tuple[Work, str], list[_Round]] = {(w, on): [] for w in WORK for on in w.on}
    for _ in range(rounds):
        for (work, on), done in found.items():
            print(f"growth: {work.name}, {on}", flush=True)
            done.append(await _round(_targets(stand, on), processes, work, seconds))
    return [
        Grown(
            *(work.name, work.unit, on),
            median(each.rate for each in done),
            median(a.rate / b.rate for a, b in zip(done, found[work, ONE], strict=True)),
            median(each.busy for each in done),
        )
        for (work, on), done in found.items()
    ]


def _targets(stand: Stand, on: str) -> tuple[Target, Target]:
    return {
        ONE: (stand.one, stand.one),
        TWO: (stand.one, stand.other),
        WIDE: (stand.wide, stand.wide),
        BOTH: (stand.both, stand.both),
    }[on]


async def _round(
    targets: tuple[Target, Target], processes: Processes, work: Work, seconds: float
) -> _Round:
    run = partial(drive, work.opening, callers=work.callers // 2, seconds=seconds, pids={})
    before = _busy()
    done: list[Counted] = await asyncio.gather(
        *(
            processes.run(f"clients {number}", partial(run, target=target))
            for number, target in enumerate(targets)
        )
    )
    # What is prepared before the clock starts is counted too, and so is the time that it takes.
    used, passed = (after - b for after, b in zip(_busy(), before, strict=True))
    cpus = psutil.cpu_count() or 1
    return _Round(sum(each.sample.rate for each in done), cpus * used / passed if passed else 0.0)


def _busy() -> tuple[float, float]:
    """Return the CPU seconds that were used, and those that there were."""
    times = psutil.cpu_times()
    unused = times.idle + getattr(times, "iowait", 0.0)
    return sum(times) - unused, sum(times)
