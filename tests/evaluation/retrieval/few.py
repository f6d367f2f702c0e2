"""What scores say where a user has few memories: is their sum the number of those that answer?

Plays pieces of the conversations, of some sessions each, as users of their own. Each is asked what
his sessions answer, and half as many questions about the rest of the conversation, which they do
not. Scores are estimates of the chance that a memory is evidence, so their sum over the answers is
how much evidence there should be.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean, median
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from tests.evaluation.progress import progress_bar
from tests.evaluation.serving import served

from . import asking
from .asking import Asking, Degraded
from .corpus import Conversation, Question
from .own_data import read

if TYPE_CHECKING:
    from tests.evaluation.serving import Stub

PIECES = (1, 3, 8)
"""Sessions of a piece."""

QUESTIONS = 20
"""Questions of a piece that it answers, at most."""

HITS = 100
ENOUGH = 0.1
"""A threshold that a caller may set."""

_BOUNDS = (10, 20, 40, 100)
_SEED = 5


@dataclass(frozen=True, slots=True)
class Found:
    """The scores of an answer, and which of its hits are evidence."""

    answerable: bool
    scores: tuple[float, ...]
    evidence: tuple[bool, ...]

    @property
    def best(self) -> float:
        """The score of the best hit that is evidence; 0 if there is none."""
        scored = zip(self.scores, self.evidence, strict=True)
        return max((score for score, is_evidence in scored if is_evidence), default=0.0)


def pieces(conversation: Conversation, of: int) -> Iterator[Conversation]:
    """Yield what a conversation has in so many sessions each, with what that answers."""
    for start in range(0, len(conversation.sessions), of):
        sessions = conversation.sessions[start : start + of]
        there = {turn.id for session in sessions for turn in session.turns}
        answered = tuple(q for q in conversation.questions if q.evidence <= there)
        if answered:
            name = f"{conversation.name}-{of}-{start}"
            yield replace(conversation, name=name, sessions=sessions, questions=answered)


def questions(piece: Conversation, whole: Conversation) -> list[tuple[Question, bool]]:
    """Return some questions that a piece answers, and half as many that it does not."""
    drawn = random.Random(f"{piece.name} {_SEED}")
    there = {turn.id for turn in piece.turns}
    others = [q for q in whole.questions if q.evidence.isdisjoint(there)]
    mine = drawn.sample(piece.questions, min(QUESTIONS, len(piece.questions)))
    rest = drawn.sample(others, min(len(mine) // 2 + 1, len(others)))
    return [*((question, True) for question in mine), *((question, False) for question in rest)]


async def _ask(
    stub: Stub, piece: Conversation, whole: Conversation, searched: str
) -> AsyncIterator[Found]:
    for question, answerable in questions(piece, whole):
        request = Asking(searched=searched).request(piece, question)
        request.limit = HITS
        hits = await asking.hits(stub, request)
        of_hits = [set(asking.sources_of(hit, searched)) for hit in hits]
        yield Found(
            answerable,
            tuple(hit.score for hit in hits),
            tuple(not question.evidence.isdisjoint(of) for of in of_hits),
        )


async def _measure(
    conversations: Sequence[Conversation], progress: Progress
) -> dict[str, list[Found]]:
    every = [(piece, one) for of in PIECES for one in conversations for piece in pieces(one, of)]
    played = progress.add_task("play and ask", total=len(every))
    found: dict[str, list[Found]] = {searched: [] for searched in asking.TYPES}
    async with served() as stub:
        for piece, whole in every:
            await asking.play(stub, piece, lambda _: None)
            for searched, answers in found.items():
                answers += [each async for each in _ask(stub, piece, whole, searched)]
            progress.advance(played)
    return found


def table(searched: str, found: Sequence[Found]) -> Table:
    """Return a row for answers of so many hits: how many questions that the piece answers were
    asked, how much evidence they found, and how much by the sum of scores; the score of the best
    evidence; in how many answers evidence has a score that is enough, and of the other questions in
    how many anything has."""
    columns = (
        *("hits", "asked", "evidence", "by scores", "right one, median"),
        *(f"right one has {ENOUGH:g}", f"none there, one has {ENOUGH:g}"),
    )
    shown = Table(*columns, title=searched)
    for least, bound in zip((1, *_BOUNDS), (*_BOUNDS, HITS + 1), strict=True):
        if of_size := [each for each in found if least <= len(each.scores) < bound]:
            shown.add_row(f"{least}-{bound - 1}" if least < HITS else f"{HITS}", *_row(of_size))
    return shown


def _row(found: Sequence[Found]) -> Iterator[str]:
    answered = [each for each in found if each.answerable]
    rest = [each for each in found if not each.answerable]
    yield str(len(answered))
    yield str(sum(sum(each.evidence) for each in answered))
    yield f"{sum(sum(each.scores) for each in answered):.0f}"
    yield f"{median(each.best for each in answered):.2f}" if answered else ""
    yield f"{fmean(each.best >= ENOUGH for each in answered):.0%}" if answered else ""
    yield f"{fmean(max(each.scores) >= ENOUGH for each in rest):.0%}" if rest else ""


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.evaluation.retrieval.few", description=__doc__
    )
    parser.add_argument("--dataset", type=Path, required=True)
    conversations = read(parser.parse_args(argv).dataset)
    try:
        with progress_bar() as progress:
            found = asyncio.run(_measure(conversations, progress))
    except Degraded:
        print("cannot measure: the extractor is too slow, is the machine busy?", file=sys.stderr)
        return 1
    for searched, answers in found.items():
        Console().print(table(searched, answers))
    return 0


if __name__ == "__main__":
    sys.exit(main())
