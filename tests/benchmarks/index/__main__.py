"""Measure the vector index: how much of the true ten nearest it finds, how fast, in what memory.

For FLAT and HNSW with numbers of 32 and 16 bits, a Redis of its own is filled through the service's
own schema with memories of 250 owners, one of whom has many, and asked through the service's own
query. Recall is against a comparison of all vectors, with 32 bits. HNSW is asked with several
EF_RUNTIME. The unfiltered search is one that the service never makes.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from tests.benchmarks.report import this_machine
from tests.benchmarks.running import finished

from . import picture, tables
from .measuring import MAKES, QUICK, SIZES, Result, Size, measure, scopes, steps
from .population import populate


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print and write; 1 after one line on stderr if that cannot be."""
    arguments = _parse(argv)
    machine = this_machine()
    results = finished(_measure(QUICK if arguments.quick else SIZES))
    text = tables.markdown(results, machine)
    print(text)
    tables.write_json(arguments.out, results, machine)
    arguments.out.with_suffix(".md").write_text(text)
    picture.draw(arguments.out.with_suffix(".png"), results)
    print(f"figures: {arguments.out}, and beside it .md and .png")
    return 0


async def _measure(sizes: Sequence[Size]) -> list[Result]:
    results: list[Result] = []
    with _progress() as progress:
        task = progress.add_task("", total=steps(sizes))

        def notice(what: str, done: int) -> None:
            progress.update(task, description=what, advance=done)

        for size in sizes:
            population = populate(size.memories, size.largest)
            asked = scopes(population, size)
            results += [await measure(make, size, population, asked, notice) for make in MAKES]
    return results


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description:<40}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    )


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.index",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--quick", action="store_true", help="see that it works: 1,000 memories")
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("build/index.json"),
        metavar="FILE",
        help="JSON; a table goes beside it as .md, a picture as .png; default: %(default)s",
    )
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
