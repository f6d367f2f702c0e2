"""Measure the running service beside the raw parts that it is made of.

Starts the whole stack, loads memories, and measures each operation in short rounds, in turn with
the baselines: an echo RPC, Redis asked directly, the bare models. Clients and models run in
processes of their own. Rates are medians over the rounds, ratios are taken within a round, and
percentiles are of all calls. REDIS_URL uses that Redis, in which thousands of memories stay.

Background extraction is off, so that what was appended is not extracted while something else is
measured; FlushSession is the extraction that is measured.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import grpc.aio
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from . import picture, report
from .load import Target
from .measure import BenchmarkError, Sample
from .operations import LEAST_MEMORIES
from .plan import Case, cases
from .processes import Processes, child_processes
from .running import finished
from .stand import load, loaded_in_all, stand

_WIDTH_OFF_TERMINAL = 140
_DEFAULTS = {"seconds": 0.8, "rounds": 5, "memories": 2000}
_QUICK = {"seconds": 0.2, "rounds": 1, "memories": 200}

Results = dict[Case, list[Sample]]


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print and write; 1 after one line on stderr if that cannot be."""
    arguments = _parse(argv)
    finished(_run(arguments))
    return 0


async def _run(arguments: argparse.Namespace) -> None:
    machine = report.this_machine()
    console = _console()
    console.print("starting Redis, the extractor with its models, and the memory service")
    with child_processes() as processes:
        async with stand() as target:
            with _progress(console) as progress:
                await _load(progress, target, arguments.memories)
                results = await _measure(progress, processes, target, arguments)
    found = report.rows(results)
    console.print(report.table(found))
    if machine.is_busy:
        console.print(
            f"Other work was running (load {machine.load_before:.1f} on {machine.cpus} CPUs): "
            "rates are low and unsteady; the ratios suffer less."
        )
    _write(arguments, machine, found, results, console)


async def _load(progress: Progress, target: Target, memories: int) -> None:
    task = progress.add_task("load memories", total=loaded_in_all(memories))
    try:
        await load(target, memories, partial(progress.advance, task))
    except grpc.aio.AioRpcError as error:
        raise BenchmarkError(f"cannot load memories: {error.code().name}") from None


async def _measure(
    progress: Progress, processes: Processes, target: Target, arguments: argparse.Namespace
) -> Results:
    """Measure every case once to warm up and then in rounds, so that all meet the same weather."""
    results: Results = {case: [] for case in cases()}
    task = progress.add_task("", total=len(results) * (arguments.rounds + 1))
    for number in range(arguments.rounds + 1):
        warming = number == 0
        seconds = arguments.seconds / 4 if warming else arguments.seconds
        for case, samples in results.items():
            what = "warm up" if warming else f"round {number}"
            progress.update(task, description=f"{what}: {case.key}")
            sample = await processes.run(case.process, partial(case.measure, target, seconds))
            if not warming:
                samples.append(sample)
            progress.advance(task)
    progress.update(task, description="measured")
    return results


def _write(
    arguments: argparse.Namespace,
    machine: report.Machine,
    found: Sequence[report.Row],
    results: Results,
    console: Console,
) -> None:
    settings = {name: getattr(arguments, name) for name in _DEFAULTS}
    report.write_json(arguments.out, found, machine=machine, settings=settings)
    drawn = arguments.out.with_suffix(".png")
    picture.draw(drawn, results)
    console.print(f"figures: {arguments.out}\npicture: {drawn}")


def _progress(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description:<30}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
    )


def _console() -> Console:
    # Off a terminal, rich would take 80 columns, too few for the table.
    return Console(width=None if sys.stdout.isatty() else _WIDTH_OFF_TERMINAL)


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--quick", action="store_true", help="see that it works, in half a minute")
    parser.add_argument(
        "--seconds", type=float, help="how long a round of a case takes; default: 0.8"
    )
    parser.add_argument("--rounds", type=int, help="how many; default: 5")
    parser.add_argument(
        "--memories",
        type=int,
        help="memories of the user who is searched; 20 other owners have as many together; "
        "default: 2000",
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("build/benchmark.json"),
        metavar="FILE",
        help="JSON; the picture goes beside it as .png; default: %(default)s",
    )
    given = parser.parse_args(argv)
    for name, value in (_QUICK if given.quick else _DEFAULTS).items():
        if getattr(given, name) is None:
            setattr(given, name, value)
    if given.seconds <= 0 or given.rounds < 1 or given.memories < LEAST_MEMORIES:
        parser.error(f"seconds and rounds must be positive, memories {LEAST_MEMORIES} or more")
    return given


if __name__ == "__main__":
    sys.exit(main())
