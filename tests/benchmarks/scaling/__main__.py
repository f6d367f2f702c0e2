"""Measure what the scaling guide says, and write it there: docs/scaling.json and docs/scaling.md.

Two replicas of each service run on one Redis, each extractor with one thread for its model. Clients
are processes of their own; all share the CPUs of the machine. What a call costs is told in CPU
time, so that it can be carried over to another machine. Takes about five minutes.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import grpc.aio

from memory_service.store.connection import connect
from tests.benchmarks import report
from tests.benchmarks.measure import BenchmarkError
from tests.benchmarks.processes import child_processes
from tests.benchmarks.running import finished

from . import costs, growth, holdings, owners
from .footprints import MANY, connections, footprints, resident
from .page import rewritten
from .stand import replicas
from .tables import tables

DOCS = Path(__file__).parents[3] / "docs"


_IDLE = 5
"""For how many rounds' time nothing is done: the services look after things every few seconds."""


@dataclass(frozen=True)
class Plan:
    """How long, how often and how much is measured."""

    seconds: float
    rounds: int
    memories: int
    sessions: int
    sizes: owners.Sizes
    model: str


FULL = Plan(2.0, 3, 1_024, 32, owners.FULL, "bundled")
QUICK = Plan(0.3, 1, 100, 2, owners.QUICK, "hash")


async def measure(plan: Plan) -> dict[str, Any]:
    """Return all that is measured, ready for JSON."""
    machine = report.this_machine()
    print("starting Redis, three extractors and four memory services", flush=True)
    with child_processes() as processes:
        async with replicas(plan.model) as stand, aclosing(connect(stand.one.redis_url)) as redis:
            at_start = resident(stand.processes)
            try:
                held = await holdings.measure(stand, redis, plan.memories, plan.sessions)
            except grpc.aio.AioRpcError as error:
                raise BenchmarkError(f"a call failed: {error.code().name}") from None
            idle = await costs.idling(stand, _IDLE * plan.seconds)
            cost = await costs.measure(stand, processes, plan.seconds, plan.rounds, idle)
            opened = await connections(stand, processes, plan.seconds)
            grown = await growth.measure(stand, processes, plan.seconds, plan.rounds)
            asked = await owners.measure(stand, redis, processes, plan.seconds, plan.sizes)
            footprint = footprints(stand.processes, at_start)
            in_all = await owners.indexed(redis)
    return {
        "machine": asdict(machine),
        "plan": asdict(plan),
        "idle": idle,
        "costs": [asdict(each) for each in cost],
        "holdings": [asdict(each) for each in held],
        "growth": [asdict(each) for each in grown],
        "owners": [asdict(each) for each in asked],
        "footprints": [asdict(each) for each in footprint],
        "memories_in_all": in_all,
        "connections": {"callers": MANY, "opened": opened},
    }


def write(figures: Path, page: Path, found: dict[str, Any]) -> None:
    """Write the figures, and the page made of them."""
    figures.parent.mkdir(parents=True, exist_ok=True)
    figures.write_text(json.dumps(found, indent=1) + "\n")
    page.write_text(rewritten(page.read_text(), tables(found)))


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and write; 1 after one line on stderr if that cannot be."""
    arguments = _parse(argv)
    if arguments.page_only:
        write(arguments.out, arguments.page, json.loads(arguments.out.read_text()))
        return 0
    found = finished(measure(_plan(arguments)))
    write(arguments.out, arguments.page, found)
    print(f"figures: {arguments.out}\npage: {arguments.page}")
    return 0


def _plan(arguments: argparse.Namespace) -> Plan:
    plan = QUICK if arguments.quick else FULL
    return replace(
        plan,
        seconds=arguments.seconds or plan.seconds,
        rounds=arguments.rounds or plan.rounds,
    )


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.scaling",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--quick", action="store_true", help="see that it works: less of all, and no real model"
    )
    parser.add_argument("--seconds", type=float, help="how long a round takes; default: 2")
    parser.add_argument("--rounds", type=int, help="how many; default: 3")
    parser.add_argument("--page-only", action="store_true", help="write the page from the figures")
    parser.add_argument("--out", type=Path, default=DOCS / "scaling.json", metavar="FILE")
    parser.add_argument("--page", type=Path, default=DOCS / "scaling.md", metavar="FILE")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
