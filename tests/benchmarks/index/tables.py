"""The result as Markdown for a person and as JSON for a program."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from tests.benchmarks.report import Machine

from .measuring import Result, Size

_HEAD = (
    "| index | EF_RUNTIME | among | recall@10 | CPU ms | p50 ms | p95 ms |\n"
    "|---|---|---|---|---|---|---|"
)
_LOAD_HEAD = (
    "| index | written a second | written a CPU second | MiB in Redis | of them vector index |\n"
    "|---|---|---|---|---|"
)


def markdown(results: Sequence[Result], machine: Machine) -> str:
    """Return two tables for each size."""
    lines = [
        f"{machine.cpus} CPUs, load {machine.load_before:.1f} before. p50 and p95 are what a "
        "single caller waits, over a Unix socket; CPU is what Redis computes meanwhile, as a mean."
    ]
    for size in dict.fromkeys(result.size for result in results):
        of_size = [result for result in results if result.size == size]
        lines += ["", *_of_size(size, of_size)]
    return "\n".join(lines) + "\n"


def _of_size(size: Size, results: Sequence[Result]) -> Iterator[str]:
    yield f"**{size.memories:,} memories**, {size.largest:,} of them one owner's"
    yield f"\n{_LOAD_HEAD}"
    for result in results:
        server, vectors = (
            part / 2**20 for part in (result.loaded.server_bytes, result.loaded.vector_index_bytes)
        )
        rates = f"{result.load_rate:,.0f} | {result.cpu_load_rate:,.0f}"
        yield f"| {result.make} | {rates} | {server:,.0f} | {vectors:,.0f} |"
    yield f"\n{_HEAD}"
    for result in results:
        for search in result.searches:
            ef = "" if search.ef is None else str(search.ef)
            each = (search.cpu, search.p50, search.p95)
            times = " | ".join(f"{seconds * 1000:.2f}" for seconds in each)
            yield f"| {result.make} | {ef} | {search.among} | {search.recall:.3f} | {times} |"


def write_json(path: Path, results: Sequence[Result], machine: Machine) -> None:
    """Write all figures; times in seconds."""
    found = [{**asdict(result), "load_rate": result.load_rate} for result in results]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"machine": asdict(machine), "results": found}, indent=2) + "\n")
