"""Fit the weights of the ranking to what people named as evidence, and say how well they do.

Plays the conversations as the evaluation does and asks each question with `explain`, for turns and
then for facts, a fact being evidence if a turn that it comes from is. Each conversation is ranked
by weights fitted on the others (fitting.py says how), also without each of the features, and by the
weights that the service has now: on the conversations that those were fitted on, that flatters.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from agentmemory.v1 import memory_pb2
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from memory_service.domain.features import NAMES
from memory_service.domain.ranking import OF_FACTS, OF_TURNS, Weights
from tests.evaluation.progress import progress_bar
from tests.evaluation.serving import served

from . import asking
from .asking import Asking, Degraded
from .corpus import Conversation
from .fitting import Asked, Quality, calibrate, cross_validated, fit, quality
from .own_data import read

if TYPE_CHECKING:
    from tests.evaluation.serving import Stub

CANDIDATES = 100
"""How many hits are asked for, the most that a search gives: as many come from each arm then."""

TODAY = {"messages": OF_TURNS, "facts": OF_FACTS}
"""What is searched, and the weights that the service has for it."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """What came out: weights, scaled to evidence; how good they are; what each feature gains."""

    weights: Weights
    elsewhere: Quality
    today: Quality
    gains: dict[str, float]


def fitted(asked: Sequence[Asked], today: Weights) -> Fitted:
    """Fit, and leave each of the features out in turn that the answers have."""
    rows = torch.cat([each.features for each in asked])
    used = [name for name, there in zip(NAMES, rows.any(0).tolist(), strict=True) if there]
    elsewhere = cross_validated(asked, used)
    gains = {}
    for name in used:
        rest = cross_validated(asked, [other for other in used if other != name])
        gains[name] = elsewhere.ndcg - rest.ndcg
    now = quality(asked, torch.tensor([today.of.get(name, 0.0) for name in NAMES]))
    return Fitted(_scaled(asked, used), elsewhere, now, gains)


def _scaled(asked: Sequence[Asked], used: Sequence[str]) -> Weights:
    weights = fit(asked, used)
    scale, bias = calibrate(asked, weights)
    return Weights(bias, dict(zip(NAMES, (scale * weights).tolist(), strict=True)))


async def _ask(conversations: Sequence[Conversation], progress: Progress) -> dict[str, list[Asked]]:
    """Return what all questions found, by what was searched."""
    turns = sum(len(one.turns) for one in conversations)
    questions = sum(len(one.questions) for one in conversations)
    played = progress.add_task("play turns", total=turns)
    asks = progress.add_task("ask service", total=questions * len(TODAY))
    found: dict[str, list[Asked]] = {searched: [] for searched in TODAY}
    async with served() as stub:
        for one in conversations:
            await asking.play(stub, one, lambda count: progress.advance(played, count))
        for searched, answers in found.items():
            for one in conversations:
                async for each in _answers(stub, one, searched):
                    answers.append(each)
                    progress.advance(asks)
    return found


async def _answers(stub: Stub, conversation: Conversation, searched: str) -> AsyncIterator[Asked]:
    for question in conversation.questions:
        request = Asking(searched=searched).request(conversation, question)
        request.limit, request.explain = CANDIDATES, True
        hits = await asking.hits(stub, request)
        yield Asked(
            conversation.name,
            question.category,
            question.evidence,
            tuple(tuple(asking.sources_of(hit, searched)) for hit in hits),
            torch.tensor([_row(hit) for hit in hits]).reshape(len(hits), len(NAMES)),
        )


def _row(hit: memory_pb2.SearchHit) -> list[float]:
    values = {signal.name: signal.value for signal in hit.explanation.signals}
    return [values.get(name, 0.0) for name in NAMES]


def _table(searched: str, found: Fitted, today: Weights) -> Table:
    table = Table("feature", "weight", "today", "gain in nDCG@10", title=searched)
    table.add_row("bias", f"{found.weights.bias:.2f}", f"{today.bias:g}", "")
    for name, gain in found.gains.items():
        weight, now = found.weights.of[name], today.of.get(name, 0.0)
        table.add_row(name, f"{weight:.2f}", f"{now:g}", f"{100 * gain:+.1f}")
    return table


def _lines(found: Fitted) -> Iterator[str]:
    for name, each in (("cross-validated", found.elsewhere), ("by today's", found.today)):
        yield f"{name}: nDCG@10 {100 * each.ndcg:.1f}, recall@10 {100 * each.recall:.1f}"


def main(argv: Sequence[str] | None = None) -> int:
    """Print weights and figures."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.evaluation.retrieval.fit",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--dataset", type=Path, required=True)
    conversations = read(parser.parse_args(argv).dataset)
    if len(conversations) < 2:
        parser.error("one conversation cannot be ranked by weights fitted on the others")
    console = Console()
    try:
        with progress_bar() as progress:
            found = asyncio.run(_ask(conversations, progress))
    except Degraded:
        print("cannot fit: the extractor is too slow, is the machine busy?", file=sys.stderr)
        return 1
    results = {searched: fitted(asked, TODAY[searched]) for searched, asked in found.items()}
    for searched, result in results.items():
        console.print(_table(searched, result, TODAY[searched]), *_lines(result), sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
