"""What the commands of this evaluation share: arguments, what they print and write."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console

from . import report
from .corpus import Conversation, read_locomo, read_texts
from .report import Measured, Row

Corpora = dict[str, tuple[Conversation, ...]]
Ways = Mapping[str, Sequence[Measured]]
"""What each way to remember makes of each conversation of a corpus."""

CONVERSATIONS, TEXTS = "conversations", "texts"

_WIDTH_OFF_TERMINAL = 160


def parse(argv: Sequence[str] | None, module: str, description: str | None) -> argparse.Namespace:
    """Read the command line of `python -m module`."""
    parser = argparse.ArgumentParser(prog=f"python -m {module}", description=description)
    parser.add_argument("--dataset", type=Path, required=True, help="a LoCoMo file")
    parser.add_argument(
        "--gold",
        type=Path,
        help="NAME.jsonl: texts by id; NAME_labels.jsonl beside it: their memories",
    )
    parser.add_argument("--out", type=Path, help="write the figures here as JSON")
    parser.add_argument("--sample", type=int, default=20, help="memories to print (default 20)")
    return parser.parse_args(argv)


def corpora(arguments: argparse.Namespace, *, captions: bool = False) -> Corpora:
    """Read what is measured on, with the captions of pictures if so.

    Raises CorpusError, and OSError as `open`.
    """
    found = {CONVERSATIONS: read_locomo(arguments.dataset, captions=captions)}
    if arguments.gold is not None:
        labels = arguments.gold.with_name(f"{arguments.gold.stem}_labels.jsonl")
        found[TEXTS] = read_texts(arguments.gold, labels)
    return found


def present(
    arguments: argparse.Namespace, by_corpus: Mapping[str, Ways], extractor: str, model: str
) -> None:
    """Print a table and a sample of the first way for each corpus, and write the figures."""
    console = Console(width=None if sys.stdout.isatty() else _WIDTH_OFF_TERMINAL)
    found: dict[str, Sequence[Row]] = {}
    for name, ways in by_corpus.items():
        found[name] = _rows(ways, each_alone=name == CONVERSATIONS)
        way = next(iter(ways))
        console.print(report.table(f"{name} ({extractor})", found[name]))
        console.print(f"a sample of {way}, + where a memory comes near a fact ({name}):")
        for line in report.sample(ways[way], arguments.sample):
            console.print(line)
    if arguments.out is not None:
        _write(arguments.out, report.document(found, extractor, model))


def _rows(ways: Ways, *, each_alone: bool) -> list[Row]:
    rows = []
    for way, measured in ways.items():
        if each_alone:
            rows += [report.row(way, one.conversation, [one]) for one in measured]
        rows.append(report.row(way, "all", measured))
    return rows


def _write(path: Path, document: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=2) + "\n")
