"""Run the benchmark's operations under a Prometheus, and draw the dashboards as Grafana would.

The operations of `make bench` are called in turn, in rounds, on a stack whose background extracts,
while a Prometheus scrapes it every second. Then the expressions of the dashboards' JSON are asked
of it, and their main panels drawn. Baselines are left out, and what appends so much that its
extraction would take minutes. It needs Debian's prometheus.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from agentmemory.v1 import memory_pb2
from agentmemory.v1 import memory_service_pb2 as pb

from tests.benchmarks import operations
from tests.benchmarks.load import Target, drive
from tests.benchmarks.operations import LEAST_MEMORIES
from tests.benchmarks.plan import FEW, READ_SHORT, Case, cases
from tests.benchmarks.processes import child_processes
from tests.benchmarks.running import finished
from tests.benchmarks.stand import load, stand
from tests.contract.conftest import free_ports
from tests.support.prometheus import NO_PROMETHEUS, Prometheus, scraping
from tests.support.waiting import wait_until

from . import picture
from .panels import Panel, Series, all_panels, fetch, without_data

MAIN = {
    "Agent memory": (
        *("RPCs", "Errors", "Latency of unary RPCs", "Messages that wait", "Age of the oldest"),
        *("Append until searchable", "Given up and without vector", "Redis"),
        *("Redis connections", "Index", "Memory", "CPU"),
    ),
    "Agent memory: extraction": (
        *("Deltas of the background", "Time of a delta", "Messages and memories"),
        *("Embedding queue", "Wait for a batch", "Inference of a batch", "Batches", "Kept out"),
    ),
    "Agent memory: search": (
        *("Searches", "SearchMemories", "Stages", "Vectors"),
        *("Calls for vectors", "Degraded", "Engine", "Found in caches"),
    ),
}
"""The panels that are drawn, by dashboard."""

LEFT_OUT = ("append to 20", "append to 20,000", "read 20 of 20,000", "flush")
"""What appends more than the background extracts in the time; flushes come with few sessions."""

FLUSHED_PER_SECOND = 150

CARD = "My card is 4111 1111 1111 1111, and it expires next year."
"""What the guard takes out, said once a round: a bank's own example."""

PATIENT = {"MEMORY_EMBED_TIMEOUT_SECONDS": "20"}
"""The benchmark takes no memory without its vector, and the extractor has other things to do."""

_STEPS = 150
"""Points of a curve."""

_DRAIN_SECONDS = 240.0


def traffic() -> list[Case]:
    """Return the operations that are called."""
    of_bench = [
        case
        for case in cases()
        if case.process == "clients"
        and (case.name == READ_SHORT or not case.is_baseline)
        and case.name not in LEFT_OUT
    ]
    flush = partial(operations.flush, most=FLUSHED_PER_SECOND)
    return [*of_bench, Case("flush", "turns", FEW, partial(drive, flush, FEW))]


async def _run(arguments: argparse.Namespace) -> None:
    memory, extractor = free_ports(2)
    with tempfile.TemporaryDirectory(prefix="agent-memory-") as name:
        print("starting Redis, the extractor with its models, and the memory service", flush=True)
        async with (
            stand(memory=PATIENT, metrics=(memory, extractor)) as target,
            scraping(Path(name), {"memory": memory, "extractor": extractor}) as prometheus,
        ):
            assert prometheus
            start = time.time()
            await load(target, arguments.memories, lambda _: None)
            with child_processes() as processes:
                for number in range(arguments.rounds):
                    await _say(target, CARD)
                    for case in traffic():
                        print(f"round {number + 1} of {arguments.rounds}: {case.key}", flush=True)
                        work = partial(case.measure, target, arguments.seconds)
                        await processes.run(case.process, work)
            await _dealt_with(prometheus)
            await prometheus.scraped_again()
            await _draw(arguments.out, prometheus, start, time.time())


async def _say(target: Target, text: str) -> None:
    async with operations.stub_of(target) as stub:
        said = memory_pb2.Message(role=memory_pb2.ROLE_USER, name="Alice", content=text)
        scope = operations.scope_of(target.namespace, "alice", "card")
        await stub.AppendMessages(pb.AppendMessagesRequest(scope=scope, messages=[said]))


async def _dealt_with(prometheus: Prometheus) -> None:
    """Wait until nothing waits in the queue, so that the picture shows how it empties."""
    print("waiting until everything is extracted", flush=True)

    async def dealt_with() -> bool:
        return not await prometheus.query("max(memory_delta_lag_notices) > 0")

    await wait_until(dealt_with, "everything is extracted", seconds=_DRAIN_SECONDS)


async def _draw(path: Path, prometheus: Prometheus, start: float, end: float) -> None:
    step = max(1.0, (end - start) / _STEPS)

    async def ask(expression: str) -> list[dict[str, object]]:
        return await prometheus.query_range(expression, start, end, step)

    found: dict[Panel, list[Series]] = {each: await fetch(each, ask) for each in all_panels()}
    main = {
        panel: series for panel, series in found.items() if panel.title in MAIN[panel.dashboard]
    }
    picture.draw(path, main, start, end)
    print(f"picture: {path}")
    for panel in without_data(found):
        print(f"no data: {panel.dashboard}: {panel.title}")


def main(argv: Sequence[str] | None = None) -> int:
    """Run and draw; 1 after one line on stderr if that cannot be."""
    arguments = _parse(argv)
    if NO_PROMETHEUS:
        print(f"cannot draw: {NO_PROMETHEUS}", file=sys.stderr)
        return 1
    finished(_run(arguments))
    return 0


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.dashboards",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--seconds", type=float, default=1.0, help="of a case in a round")
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--memories", type=int, default=1000, help="as for make bench")
    parser.add_argument("--out", type=Path, default=Path("docs/dashboards.png"), metavar="FILE")
    given = parser.parse_args(argv)
    if given.seconds <= 0 or given.rounds < 1 or given.memories < LEAST_MEMORIES:
        parser.error(f"seconds and rounds must be positive, memories {LEAST_MEMORIES} or more")
    return given


if __name__ == "__main__":
    sys.exit(main())
