"""Rows of figures, the table that shows them, and a sample for a person to judge."""

from __future__ import annotations

import random
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from rich.table import Table
from rich.text import Text

from .checks import share_within_a_year
from .memories import Memory
from .score import NEAR, NEARER, Match, share

_SEED = 7


@dataclass(frozen=True, slots=True)
class Measured:
    """One way to remember one conversation, with its checks; `spans` is None for a baseline."""

    conversation: str
    turns: int
    memories: tuple[Memory, ...]
    match: Match
    unresolved: tuple[bool, ...]
    spans: tuple[bool, ...] | None = None
    days_off: tuple[int, ...] = ()
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """The figures of one way on one conversation, or on all; a share of nothing is None."""

    way: str
    conversation: str
    turns: int
    facts: int
    memories: int
    memories_per_turn: float
    recall_06: float | None
    recall_07: float | None
    precision_06: float | None
    unresolved_pronoun: float | None
    valid_span: float | None
    dated: float | None
    dated_within_a_year: float | None
    median_days_from_session: float | None
    turns_per_second: float | None


def row(way: str, conversation: str, measured: Sequence[Measured]) -> Row:
    """The figures of several conversations taken together."""
    turns = sum(one.turns for one in measured)
    memories = sum(len(one.memories) for one in measured)
    facts = np.concatenate([one.match.facts for one in measured])
    days = [day for one in measured for day in one.days_off]
    seconds = sum(one.seconds or 0 for one in measured)
    spans = [valid for one in measured for valid in one.spans or ()]
    return Row(
        way=way,
        conversation=conversation,
        turns=turns,
        facts=len(facts),
        memories=memories,
        memories_per_turn=memories / turns,
        recall_06=share(facts, NEAR),
        recall_07=share(facts, NEARER),
        precision_06=share(np.concatenate([one.match.memories for one in measured]), NEAR),
        unresolved_pronoun=_share([bad for one in measured for bad in one.unresolved]),
        valid_span=_share(spans),
        dated=len(days) / memories if spans else None,
        dated_within_a_year=share_within_a_year(days),
        median_days_from_session=statistics.median(days) if days else None,
        turns_per_second=turns / seconds if seconds else None,
    )


def table(title: str, rows: Sequence[Row]) -> Table:
    """The rows for a terminal, shares in per cent."""
    shown = Table(title=title)
    columns = "way conversation memories/turn recall@0.6 recall@0.7 precision unresolved spans"
    for name in [*columns.split(), "dated", "in a year", "turns/s"]:
        shown.add_column(name, justify="left" if name in {"way", "conversation"} else "right")
    for each in rows:
        shown.add_row(*_cells(each), end_section=each.conversation == "all")
    return shown


def sample(measured: Sequence[Measured], size: int) -> Iterator[Text]:
    """Memories drawn by chance, each with how near it comes to a fact."""
    every = [
        (float(near), memory.text)
        for one in measured
        for memory, near in zip(one.memories, one.match.memories, strict=True)
    ]
    for near, text in random.Random(_SEED).sample(every, min(size, len(every))):
        yield Text(f"{'+' if near >= NEAR else ' '} {max(near, 0):.2f}  {text}")


def document(corpora: dict[str, Sequence[Row]], extractor: str, model: str) -> dict[str, Any]:
    """The figures as JSON."""
    rows = {name: [asdict(each) for each in found] for name, found in corpora.items()}
    return {"extractor": extractor, "model": model, "corpora": rows}


def _cells(each: Row) -> Iterator[str]:
    yield each.way
    yield each.conversation
    yield f"{each.memories_per_turn:.2f}"
    shares = (each.recall_06, each.recall_07, each.precision_06, each.unresolved_pronoun)
    for figure in (*shares, each.valid_span, each.dated, each.dated_within_a_year):
        yield "" if figure is None else f"{figure:.1%}"
    yield "" if each.turns_per_second is None else f"{each.turns_per_second:.0f}"


def _share(flags: Sequence[bool]) -> float | None:
    return sum(flags) / len(flags) if flags else None
