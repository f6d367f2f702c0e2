"""The figures, the tables that show them, and where they stand among published ones."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich import box
from rich.table import Table

from tests.benchmarks.measure import percentile

from .asking import LIMIT, Answer, Asking
from .corpus import CATEGORIES, Conversation, CorpusError
from .metrics import Figures, Threshold, figures, macro, ndcg, threshold

SERVICE, WORDS, MEANING = "service", "bm25", "dense"
MACRO = "macro"

PERCENTILES = (50, 95, 99)
SWEEP = tuple(tenth / 10 for tenth in range(10))
"""Thresholds that are reported beside the one that was asked for."""

Rankings = Mapping[str, Sequence[Sequence[str]]]
"""For each way, the turns that it found for each question."""


@dataclass(frozen=True, slots=True)
class Published:
    """What others measured: the name of a retriever, its nDCG@10 in per cent."""

    model: str
    ndcg: float


@dataclass(frozen=True)
class Measured:
    """One run. `answers` and `rankings` are of all questions, conversation after conversation."""

    conversations: Sequence[Conversation]
    asking: Asking
    answers: Sequence[Answer]
    rankings: Rankings
    play_seconds: float
    min_score: float

    def figures(self) -> dict[str, dict[str, Figures]]:
        """Return for each category, and MACRO, the figures of each way."""
        questions = [q for one in self.conversations for q in one.questions]
        places: dict[str, list[int]] = {}
        for place, question in enumerate(questions):
            places.setdefault(question.category, []).append(place)
        found = {
            category: {
                way: figures([questions[i] for i in these], [rankings[i] for i in these])
                for way, rankings in self.rankings.items()
            }
            for category, these in sorted(places.items(), key=lambda item: _order(item[0]))
        }
        over_all = {
            way: macro({category: ways[way] for category, ways in found.items()})
            for way in self.rankings
        }
        return {**found, MACRO: over_all}

    def each(self) -> list[dict[str, Any]]:
        """Return nDCG@10 of each question by itself, so that two runs compare in pairs."""
        questions = [(one.name, q) for one in self.conversations for q in one.questions]
        return [
            {
                "conversation": name,
                "category": question.category,
                **{
                    way: ndcg(found[place], question.evidence)
                    for way, found in self.rankings.items()
                },
            }
            for place, (name, question) in enumerate(questions)
        ]

    def thresholds(self) -> list[Threshold]:
        """Return what the asked-for threshold does, and then others."""
        questions = [q for one in self.conversations for q in one.questions]
        hits = [answer.hits for answer in self.answers]
        values = dict.fromkeys((self.min_score, *SWEEP))
        return [threshold(value, questions, hits) for value in values]

    def latencies(self) -> dict[str, float]:
        """Return percentiles of the calls of SearchMemories, in milliseconds."""
        taken = [answer.seconds * 1000 for answer in self.answers]
        return {f"p{percent}": percentile(taken, percent) for percent in PERCENTILES}


def _order(category: str) -> tuple[int, str]:
    names = list(CATEGORIES.values())
    return (names.index(category) if category in names else len(names)), category


def document(measured: Measured, published: Sequence[Published], model: str) -> dict[str, Any]:
    """Return everything as JSON; shares from 0 to 1, times in the unit of their name."""
    found = measured.figures()
    at, *sweep = measured.thresholds()
    turns = sum(len(one.turns) for one in measured.conversations)
    return {
        "dataset": {**_counts(measured.conversations), "turns": turns},
        "degraded": sum(answer.degraded for answer in measured.answers),
        "options": {**asdict(measured.asking), "limit": LIMIT, "min_score": measured.min_score},
        "dense_model": model,
        MACRO: found.pop(MACRO),
        "categories": found,
        "precision": asdict(at),
        "thresholds": [asdict(each) for each in sweep],
        "latency_ms": measured.latencies(),
        "turns_per_second": turns / measured.play_seconds if measured.play_seconds else None,
        "published": _standing(measured, published) if published else None,
        "questions": measured.each(),
    }


def _counts(conversations: Sequence[Conversation]) -> dict[str, Any]:
    categories = Counter(q.category for one in conversations for q in one.questions)
    return {
        "conversations": len(conversations),
        "questions": categories.total(),
        "questions_left_out": sum(one.left_out for one in conversations),
        "questions_of_category": {
            name: categories[name] for name in sorted(categories, key=_order)
        },
    }


def _standing(measured: Measured, published: Sequence[Published]) -> dict[str, Any]:
    ours = 100 * measured.figures()[MACRO][SERVICE]["ndcg@10"]
    return {
        "retrievers": len(published),
        "better_than_service": sum(each.ndcg > ours for each in published),
        "best_ndcg@10": max(each.ndcg for each in published) / 100,
    }


def figure_table(found: Mapping[str, Mapping[str, Figures]]) -> Table:
    """Return a row for each way in each category, in per cent."""
    (first, *_) = found[MACRO].values()
    shown = Table(box=box.SIMPLE_HEAD)
    shown.add_column("category")
    shown.add_column("found by")
    for name in first:
        shown.add_column(name.replace("ndcg", "nDCG"), justify="right")
    for category, ways in found.items():
        for way, each in ways.items():
            cells = [f"{100 * value:.1f}" for value in each.values()]
            style = "bold" if way == SERVICE else "dim"
            shown.add_row(category, way, *cells, style=style, end_section=way == list(ways)[-1])
    return shown


def threshold_table(rows: Sequence[Threshold]) -> Table:
    """Return a row for each threshold, the asked-for one first."""
    shown = Table(box=box.SIMPLE_HEAD, title="service, hits of at least this score")
    for name in (
        *("min_score", "hits", "precision", "evidence found", "questions: nothing"),
        *("adversarial: nothing", "adversarial: nothing wrong"),
    ):
        shown.add_column(name, justify="right")
    for place, row in enumerate(rows):
        shown.add_row(*_cells(row), end_section=place == 0)
    return shown


def _cells(row: Threshold) -> Iterator[str]:
    yield f"{row.min_score:g}"
    yield f"{row.hits:.1f}"
    shares = (row.precision, row.recall, row.silent)
    for share in (*shares, row.adversarial_silent, row.adversarial_nothing_wrong):
        yield "–" if share is None else f"{share:.1%}"


def remarks(written: Mapping[str, Any]) -> Iterator[str]:
    """Yield lines on what the tables do not show; `written` is the document."""
    counts, latency = written["dataset"], written["latency_ms"]
    yield (
        f"{counts['conversations']} conversations, {counts['turns']} turns, {counts['questions']} "
        f"questions; {counts['questions_left_out']} left out, their evidence is not there"
    )
    if written["degraded"]:
        yield (
            f"{written['degraded']} answers are by words alone, for the extractor did not answer "
            "in time: measure when less else runs"
        )
    yield "a search: " + ", ".join(f"{name} {value:.1f} ms" for name, value in latency.items())
    if written["turns_per_second"]:
        yield f"appending and flushing: {written['turns_per_second']:.1f} turns a second"
    if standing := written["published"]:
        better, all_ = standing["better_than_service"], standing["retrievers"]
        yield f"{better} of {all_} published retrievers have a higher nDCG@10"


def read_published(path: Path) -> tuple[Published, ...]:
    """Read a list of `model` and `ndcg_at_10`, in per cent. Raises CorpusError, OSError."""
    try:
        entries = json.loads(path.read_text("utf-8"))
        return tuple(Published(str(e["model"]), float(e["ndcg_at_10"])) for e in entries)
    except (ValueError, KeyError, TypeError) as error:
        raise CorpusError(f"{path} is no list of models with their ndcg_at_10") from error
