"""How well facts are told from others that are near: precision and recall over the thresholds.

    python -m tests.evaluation.reconciling [--dataset FILE] [--out FILE]

Counted is what would be taken for one fact, DUPLICATE or UPDATE, with the bundled embedding model.
The pairs in `pairs.toml` are written by hand; with `--dataset`, a LoCoMo file, also those
that were read one by one (`read.toml`) among the memories which the rules extract from it. The
thresholds were chosen on these pairs: on others, expect somewhat less.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import json
import sys
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from extractor_service.domain import Finding
from extractor_service.embedder import Embedder, Purpose, Vectors
from extractor_service.facts import Fact
from extractor_service.model import ModelChoice, load_embedder
from extractor_service.relating import Decision, Neighbour, Thresholds, relate
from extractor_service.rules import CONTEXT_TURNS, RulesExtractor
from extractor_service.thresholds import BUNDLED
from tests.evaluation.extraction.corpus import Conversation, read_locomo

HERE = Path(__file__).parent
NEAR = 0.7
"""Pairs of memories less near than this are not looked at."""
CONTAINED = (0.7, 0.75, 0.8, 0.85, 0.9, 0.95)
REWORDED = (0.9, 0.95, 0.97, 0.98, 0.985, 0.99, 2.0)
ONE_FACT = {Decision.DUPLICATE, Decision.UPDATE}


@dataclass(frozen=True, slots=True)
class Pair:
    """Two facts, how near they are, and whether they are one; None if nobody read them."""

    known: Fact
    new: Fact
    similarity: float
    same: bool | None


@dataclass(frozen=True, slots=True)
class Row:
    """What comes of a set of pairs at some thresholds; `taken` counts those nobody read too."""

    pairs: str
    contained: float
    reworded: float
    precision: float
    recall: float
    taken: int
    unread: int


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print the table, and write it as JSON if asked to."""
    arguments = _parse(argv)
    rules = RulesExtractor.load()
    embedder = load_embedder(ModelChoice(threads=1))
    sets = {"by hand": list(by_hand_compared(rules, embedder))}
    if arguments.dataset:
        conversations = read_locomo(arguments.dataset)
        sets["conversations"] = list(_extracted(conversations, rules, embedder))
    rows = [_row(name, pairs, at) for name, pairs in sets.items() for at in _thresholds()]
    _print(rows, {name: len(pairs) for name, pairs in sets.items()})
    if arguments.out:
        arguments.out.write_text(json.dumps([asdict(row) for row in rows], indent=2) + "\n")
    return 0


def by_hand() -> list[dict[str, str | bool]]:
    """The pairs of the table: how, known, new, same."""
    pairs: list[dict[str, str | bool]] = tomllib.loads((HERE / "pairs.toml").read_text())["pair"]
    return pairs


def by_hand_compared(rules: RulesExtractor, embedder: Embedder) -> Iterator[Pair]:
    for entry in by_hand():
        known, new = str(entry["known"]), str(entry["new"])
        rows = embedder.encode([known, new], Purpose.DOCUMENT)
        facts = [Fact(text, text, rules.read(text)) for text in (known, new)]
        yield Pair(facts[0], facts[1], float(rows[0] @ rows[1]), bool(entry["same"]))


def _extracted(
    conversations: Sequence[Conversation], rules: RulesExtractor, embedder: Embedder
) -> Iterator[Pair]:
    """Pairs of near memories of one speaker, the later of them new."""
    judged = tomllib.loads((HERE / "read.toml").read_text())
    labels = dict.fromkeys(judged["same"], True) | dict.fromkeys(judged["other"], False)
    for conversation in conversations:
        told = list(_memories(conversation, rules))
        rows = _vectors([finding.text for _, finding in told], embedder)
        near = rows @ rows.T
        for i, j in itertools.combinations(range(len(told)), 2):
            if told[i][0] == told[j][0] and near[i, j] > NEAR:
                known, new = (_fact(told[at][1], rules) for at in (i, j))
                yield Pair(known, new, float(near[i, j]), labels.get(_digest(known, new)))


def _memories(conversation: Conversation, rules: RulesExtractor) -> Iterator[tuple[str, Finding]]:
    for session in conversation.sessions:
        for at, turn in enumerate(session):
            for finding in rules.extract(turn, session[max(0, at - CONTEXT_TURNS) : at]):
                yield turn.speaker, finding


def _vectors(texts: Sequence[str], embedder: Embedder) -> Vectors:
    parts = [texts[at : at + 64] for at in range(0, len(texts), 64)]
    return np.concatenate([embedder.encode(part, Purpose.DOCUMENT) for part in parts])


def _fact(finding: Finding, rules: RulesExtractor) -> Fact:
    reading = rules.read(finding.text)
    return Fact(finding.text, finding.text, reading, finding.slot, finding.event_time)


def _digest(one: Fact, other: Fact) -> str:
    texts = "\n".join(sorted((one.text, other.text)))
    return hashlib.sha256(texts.encode()).hexdigest()[:16]


def _thresholds() -> list[Thresholds]:
    """Each of the two with the other as it is."""
    contained = [Thresholds(at, BUNDLED.reworded) for at in CONTAINED]
    return contained + [Thresholds(BUNDLED.contained, at) for at in REWORDED]


def is_one(pair: Pair, at: Thresholds) -> bool:
    """Whether the pair is taken for one fact."""
    return relate(pair.new, [Neighbour(pair.known, pair.similarity)], at).decision in ONE_FACT


def _row(name: str, pairs: Sequence[Pair], at: Thresholds) -> Row:
    taken = [pair for pair in pairs if is_one(pair, at)]
    read = [pair for pair in taken if pair.same is not None]
    right = sum(1 for pair in read if pair.same)
    return Row(
        name, at.contained, at.reworded,
        precision=right / len(read) if read else 1.0,
        recall=right / max(1, sum(1 for pair in pairs if pair.same)),
        taken=len(taken),
        unread=len(taken) - len(read),
    )  # fmt: skip


def _print(rows: Sequence[Row], sizes: dict[str, int]) -> None:
    table = Table("pairs", "contained", "reworded", "precision", "recall", "taken", "unread")
    for row in rows:
        table.add_row(
            f"{row.pairs} ({sizes[row.pairs]})", f"{row.contained:g}",
            "never" if row.reworded > 1 else f"{row.reworded:g}",
            f"{row.precision:.1%}", f"{row.recall:.1%}", str(row.taken), str(row.unread),
        )  # fmt: skip
    Console(width=100).print(table)


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.evaluation.reconciling")
    parser.add_argument("--dataset", type=Path, help="a LoCoMo file")
    parser.add_argument("--out", type=Path, help="write the figures here as JSON")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
