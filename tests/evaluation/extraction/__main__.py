"""Measure what the rules extract against facts that people would want remembered.

Offline: the rules and the bundled model run in this process, in one thread. A fact is found when a
memory from its turn, or one beside it, comes near it (cosine of at least 0.6, and 0.7); a memory is
precise when it so comes near some fact. Two baselines stand in the same table.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from extractor_service.model import ModelChoice, load_embedder
from extractor_service.rules import RULES_VERSION, RulesExtractor
from extractor_service.rules.parse import load

from . import baselines, by_rules, checks, report
from .corpus import Conversation, CorpusError, read_locomo, read_texts
from .memories import Memory
from .report import Measured, Row
from .score import Vectoriser, match

_WIDTH_OFF_TERMINAL = 160
_BASELINES: dict[str, Callable[[Conversation], list[Memory]]] = {
    "random sentences": baselines.random_sentences,
    "longest sentence": baselines.longest_sentences,
}


class Measurement:
    """Measures ways to remember, with one model and one parser for all of them."""

    def __init__(self, progress: Progress) -> None:
        """Load the models; takes some seconds."""
        self._progress = progress
        self._rules = RulesExtractor.load()
        self._nlp = load()
        self._embedder = load_embedder(ModelChoice(device="cpu", threads=1))
        self._vectoriser = Vectoriser(self._embedder)

    @property
    def model(self) -> str:
        """The embedding model's name and revision."""
        return f"{self._embedder.info.name}@{self._embedder.info.revision}"

    def rules(self, conversations: Sequence[Conversation]) -> list[Measured]:
        """What the rules make of each conversation."""
        turns = sum(len(conversation.turns) for conversation in conversations)
        task = self._progress.add_task("rules", total=turns)
        return [self._by_rules(one, partial(self._progress.advance, task)) for one in conversations]

    def baseline(self, name: str, conversations: Sequence[Conversation]) -> list[Measured]:
        """What a baseline makes of each conversation."""
        task = self._progress.add_task(name, total=len(conversations))
        found = []
        for conversation in conversations:
            found.append(self._measured(conversation, _BASELINES[name](conversation)))
            self._progress.advance(task)
        return found

    def _by_rules(self, conversation: Conversation, advance: Callable[[], None]) -> Measured:
        memories, seconds = by_rules.extract(self._rules, conversation, advance)
        return self._measured(
            conversation,
            memories,
            spans=tuple(checks.has_valid_span(memory, conversation) for memory in memories),
            days_off=tuple(checks.days_off(memories, conversation)),
            seconds=seconds,
        )

    def _measured(
        self,
        conversation: Conversation,
        memories: Sequence[Memory],
        *,
        spans: tuple[bool, ...] | None = None,
        days_off: tuple[int, ...] = (),
        seconds: float | None = None,
    ) -> Measured:
        return Measured(
            conversation.name,
            len(conversation.turns),
            tuple(memories),
            match(conversation.facts, memories, self._vectoriser),
            tuple(checks.unresolved(memories, conversation, self._nlp)),
            spans,
            days_off,
            seconds,
        )


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print and write; 2 after one line on stderr if a file cannot be read."""
    arguments = _parse(argv)
    try:
        _measure(arguments, dict(_corpora(arguments)))
    except (OSError, CorpusError) as error:
        print(f"cannot measure: {error}", file=sys.stderr)
        return 2
    return 0


def _corpora(arguments: argparse.Namespace) -> list[tuple[str, tuple[Conversation, ...]]]:
    corpora = [("conversations", read_locomo(arguments.dataset))]
    if arguments.gold is not None:
        labels = arguments.gold.with_name(f"{arguments.gold.stem}_labels.jsonl")
        corpora.append(("texts", read_texts(arguments.gold, labels)))
    return corpora


def _measure(arguments: argparse.Namespace, corpora: dict[str, tuple[Conversation, ...]]) -> None:
    console = Console(width=None if sys.stdout.isatty() else _WIDTH_OFF_TERMINAL)
    found: dict[str, Sequence[Row]] = {}
    with _progress() as progress:
        measurement = Measurement(progress)
        by_ways = {
            name: _ways(measurement, conversations) for name, conversations in corpora.items()
        }
    for name, ways in by_ways.items():
        found[name] = _rows(ways, each_alone=name == "conversations")
        console.print(report.table(name, found[name]))
        console.print(f"a sample of the rules' memories, + where one comes near a fact ({name}):")
        for line in report.sample(ways["rules"], arguments.sample):
            console.print(line)
    if arguments.out is not None:
        _write(arguments.out, report.document(found, RULES_VERSION, measurement.model))


def _ways(
    measurement: Measurement, conversations: Sequence[Conversation]
) -> dict[str, list[Measured]]:
    ways = {"rules": measurement.rules(conversations)}
    for name in _BASELINES:
        ways[name] = measurement.baseline(name, conversations)
    return ways


def _rows(ways: dict[str, list[Measured]], *, each_alone: bool) -> list[Row]:
    rows = []
    for way, measured in ways.items():
        if each_alone:
            rows += [report.row(way, one.conversation, [one]) for one in measured]
        rows.append(report.row(way, "all", measured))
    return rows


def _write(path: Path, document: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=2) + "\n")


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    )


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.evaluation.extraction")
    parser.add_argument("--dataset", type=Path, required=True, help="a LoCoMo file")
    parser.add_argument(
        "--gold",
        type=Path,
        help="NAME.jsonl: texts by id; NAME_labels.jsonl beside it: their memories",
    )
    parser.add_argument("--out", type=Path, help="write the figures here as JSON")
    parser.add_argument("--sample", type=int, default=20, help="memories to print (default 20)")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
