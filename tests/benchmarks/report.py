"""The result as a table for a person and as JSON for a program."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rich import box
from rich.table import Table

from .measure import Sample, Summary, ratio, summarise
from .plan import Case, baseline_of

_LIBRARIES = ("grpcio", "redis", "sentence-transformers", "torch", "spacy")


@dataclass(frozen=True)
class Row:
    """A case with its figures; `ratios` are its rate over that of each baseline."""

    case: Case
    summary: Summary
    ratios: Mapping[str, float]


def rows(results: Mapping[Case, Sequence[Sample]]) -> list[Row]:
    """Return a row for each case, in the order of the results."""
    cases = list(results)
    found = []
    for case, rounds in results.items():
        baselines = {name: baseline_of(case, name, cases) for name in case.against}
        ratios = {name: ratio(rounds, results[other]) for name, other in baselines.items()}
        found.append(Row(case, summarise(rounds), ratios))
    return found


def table(found: Sequence[Row]) -> Table:
    """Return the result with baselines dimmed; rates are medians, with the worst and best round."""
    made = Table(box=box.SIMPLE_HEAD)
    made.add_column("what")
    made.add_column("callers", justify="right")
    made.add_column("a second", justify="right")
    made.add_column("slowest–fastest", justify="right")
    made.add_column("p50 ms", justify="right")
    made.add_column("p99 ms", justify="right")
    made.add_column("of the baselines' rate")
    for row in found:
        made.add_row(*_cells(row), style="dim" if row.case.is_baseline else None)
    return made


def _cells(row: Row) -> tuple[str, ...]:
    summary = row.summary
    return (
        row.case.name,
        str(row.case.concurrency),
        f"{summary.rate:,.0f} {row.case.unit}",
        f"{min(summary.rates):,.0f}–{max(summary.rates):,.0f}",
        f"{summary.p50 * 1000:,.2f}",
        "–" if summary.p99 is None else f"{summary.p99 * 1000:,.2f}",
        ", ".join(f"{value:.2f} of {name}" for name, value in row.ratios.items()),
    )


@dataclass(frozen=True)
class Machine:
    """Where it ran; `load_before` are processes that wanted a CPU in the minute before."""

    cpus: int
    platform: str
    python: str
    load_before: float
    libraries: Mapping[str, str]

    @property
    def is_busy(self) -> bool:
        """Whether something else was running, so that figures are lower and less steady."""
        return self.load_before > self.cpus / 4


def this_machine() -> Machine:
    """Return this machine as it is now."""
    return Machine(
        cpus=os.cpu_count() or 1,
        platform=platform.platform(),
        python=platform.python_version(),
        load_before=os.getloadavg()[0],
        libraries={name: version(name) for name in _LIBRARIES},
    )


def write_json(
    path: Path, found: Sequence[Row], *, machine: Machine, settings: Mapping[str, Any]
) -> None:
    """Write all figures; latencies in seconds, rates in units a second."""
    document = {
        "machine": asdict(machine),
        "settings": dict(settings),
        "cases": [
            {
                "name": row.case.name,
                "concurrency": row.case.concurrency,
                "unit": row.case.unit,
                "baseline": row.case.is_baseline,
                **asdict(row.summary),
                "ratios": dict(row.ratios),
            }
            for row in found
        ],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n")
