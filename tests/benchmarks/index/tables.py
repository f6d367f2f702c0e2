"""The result as Markdown for a person and as JSON for a program."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from tests.benchmarks.report import Machine

from .measuring import Result, Size

_HEAD = "| index | EF_RUNTIME | among | recall@10 | p50 ms | p95 ms |\n|---|---|---|---|---|---|"
_LOAD_HEAD = (
    "| index | memories written a second | MiB in Redis | of them the vector index |\n"
    "|---|---|---|---|"
)


def markdown(results: Sequence[Result], machine: Machine) -> str:
    """Return two tables for each size."""
    lines = [
        f"{machine.cpus} CPUs, load {machine.load_before:.1f} before. Latencies are those of a "
        "single caller, over a Unix socket."
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
        yield f"| {result.make} | {result.load_rate:,.0f} | {server:,.0f} | {vectors:,.0f} |"
    yield f"\n{_HEAD}"
    for result in results:
        for search in result.searches:
            ef = "" if search.ef is None else str(search.ef)
            times = f"{search.p50 * 1000:.2f} | {search.p95 * 1000:.2f}"
            yield f"| {result.make} | {ef} | {search.among} | {search.recall:.3f} | {times} |"


def write_json(path: Path, results: Sequence[Result], machine: Machine) -> None:
    """Write all figures; times in seconds."""
    found = [{**asdict(result), "load_rate": result.load_rate} for result in results]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"machine": asdict(machine), "results": found}, indent=2) + "\n")
