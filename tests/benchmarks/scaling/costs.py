"""What a call costs: the CPU that each process uses for it, whatever else runs on the machine.

Rates say what this machine does with everything on it at once; the CPU of a call says what a core
of each service does anywhere.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from statistics import median

import grpc.aio
import psutil

from tests.benchmarks import baselines, operations, sessions
from tests.benchmarks.load import Opening, Target, keep_busy
from tests.benchmarks.measure import BenchmarkError, Sample, percentile
from tests.benchmarks.plan import CROWD, FEW
from tests.benchmarks.processes import Processes

from .stand import Stand

EMPTY = "empty RPC"


@dataclass(frozen=True)
class Counted:
    """A round, and the CPU seconds that each process used in it."""

    sample: Sample
    cpu: Mapping[str, float]

    @property
    def units(self) -> int:
        """How much was done."""
        return len(self.sample.latencies) * self.sample.units


@dataclass(frozen=True)
class Work:
    """An operation, what is counted of it, and how many call at once."""

    name: str
    unit: str
    opening: Opening
    callers: int = CROWD


@dataclass(frozen=True)
class Cost:
    """An operation's rate with `callers`, how long a single caller waits, and the CPU of a unit.

    Seconds, all of them; `cpu` by process.
    """

    name: str
    unit: str
    callers: int
    rate: float
    p50: float
    p95: float
    cpu: Mapping[str, float]


WORK = (
    Work(EMPTY, "calls", baselines.echo_rpc),
    Work("append", "messages", operations.append),
    Work("read 20 of 20", "reads", sessions.read_short),
    Work("create", "memories", operations.create),
    Work("create 32 a call", "memories", operations.create_batch, FEW),
    Work("search keyword", "searches", operations.search_keyword),
    Work("search semantic", "searches", operations.search_semantic),
    Work("search hybrid", "searches", operations.search_hybrid),
    Work("embed a query", "texts", operations.embed),
    Work("flush", "turns", partial(operations.flush, most=300), FEW),
)


async def idling(stand: Stand, seconds: float) -> dict[str, float]:
    """Return the CPUs that each process uses while nobody calls: it looks after things."""
    print("costs: nothing", flush=True)
    before = _cpu(stand.processes)
    await asyncio.sleep(seconds)
    after = _cpu(stand.processes)
    return {name: (after[name] - before[name]) / seconds for name in before}


async def measure(
    stand: Stand, processes: Processes, seconds: float, rounds: int, idle: Mapping[str, float]
) -> list[Cost]:
    """Return what each operation costs beyond `idle`, from rounds that are far apart."""
    counted: dict[Work, list[tuple[Sample, Counted]]] = {work: [] for work in WORK}
    for _ in range(rounds):
        for work, results in counted.items():
            print(f"costs: {work.name}", flush=True)
            run = partial(drive, work.opening, target=stand.one, pids=_pids(stand, work))
            alone = await processes.run("clients", partial(run, callers=1, seconds=seconds / 2))
            crowd = await processes.run(
                "clients", partial(run, callers=work.callers, seconds=seconds)
            )
            results.append((alone.sample, crowd))
    return [
        _cost(work, results, {} if work.name == EMPTY else idle)
        for work, results in counted.items()
    ]


def _pids(stand: Stand, work: Work) -> dict[str, int]:
    if work.name == EMPTY:
        return {"MemoryService": stand.echo}
    return stand.processes


def _cost(work: Work, results: list[tuple[Sample, Counted]], idle: Mapping[str, float]) -> Cost:
    latencies = [latency for alone, _ in results for latency in alone.latencies]
    crowds = [crowd for _, crowd in results]
    units = sum(crowd.units for crowd in crowds)
    return Cost(
        work.name,
        work.unit,
        work.callers,
        median(crowd.sample.rate for crowd in crowds),
        percentile(latencies, 50),
        percentile(latencies, 95),
        {name: _beyond(idle.get(name, 0.0), name, crowds) / units for name in crowds[0].cpu},
    )


def _beyond(idle: float, name: str, crowds: list[Counted]) -> float:
    """Return the CPU seconds that a process used in all rounds, less what it does unasked."""
    used = sum(crowd.cpu[name] - idle * crowd.sample.seconds for crowd in crowds)
    return max(0.0, used)


def drive(
    opening: Opening, *, callers: int, target: Target, seconds: float, pids: Mapping[str, int]
) -> Counted:
    """Keep `callers` calls under way, and count the CPU meanwhile. Raises BenchmarkError."""
    return asyncio.run(_drive(opening, callers, target, seconds, pids))


async def _drive(
    opening: Opening, callers: int, target: Target, seconds: float, pids: Mapping[str, int]
) -> Counted:
    try:
        async with opening(target, seconds) as operation:
            before = _cpu(pids)
            sample = await keep_busy(operation, callers, seconds)
            after = _cpu(pids)
    except grpc.aio.AioRpcError as error:
        raise BenchmarkError(f"a call failed: {error.code().name}: {error.details()}") from None
    return Counted(sample, {name: after[name] - before[name] for name in pids})


def _cpu(pids: Mapping[str, int]) -> dict[str, float]:
    times = {name: psutil.Process(pid).cpu_times() for name, pid in pids.items()}
    return {name: used.user + used.system for name, used in times.items()}
