"""Say what each ingredient of a search of turns costs, in milliseconds, as rows of a page.

Plays conversations, asks their questions in this process, and then does again what a search did,
with and without each ingredient in turn: reads the question and ranks what was found; asks the
engine and decodes its answer. timing.py says how that is timed.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

import grpc.aio
from agentmemory.v1.memory_service_pb2_grpc import MemoryServiceStub
from rich.progress import Progress

from examples.stack import Stack
from memory_service.domain.memory import Memory
from memory_service.domain.search import Found
from tests.evaluation.progress import progress_bar
from tests.evaluation.serving import started

from . import asking, timing
from .corpus import Conversation
from .ingredients import INGREDIENTS, Case, Ingredient
from .own_data import read
from .searching import Bench, bench
from .timing import WHOLE, Made, Spent


@dataclass(frozen=True, slots=True)
class Costs:
    """All that was measured, in milliseconds, by what it is of; see timing.py."""

    cases: Sequence[Case]
    embedding: float
    engine: dict[str, Spent]
    ranking: dict[str, float]
    on_demand: dict[str, float]
    writing: dict[str, Made]


async def measured(conversations: Sequence[Conversation], progress: Progress) -> Costs:
    """Play the conversations to a stack of its own, and time searches of them."""
    async with started() as stack:
        await _play(stack, conversations, progress)
        async with bench(stack) as parts:
            cases, memories = await _cases(parts, conversations, progress)
            timed = progress.add_task("time stages", total=None)
            costs = Costs(
                cases,
                embedding=await timing.embedding(parts, cases),
                engine=await timing.engine(parts, cases),
                ranking=timing.ranking(cases),
                on_demand=timing.on_demand(cases),
                writing=await timing.writing(parts, memories),
            )
            progress.remove_task(timed)
            return costs


async def _play(stack: Stack, conversations: Sequence[Conversation], progress: Progress) -> None:
    played = progress.add_task("play turns", total=sum(len(one.turns) for one in conversations))
    async with grpc.aio.insecure_channel(stack.addresses.memory) as channel:
        stub = MemoryServiceStub(channel)
        for one in conversations:
            await asking.play(stub, one, lambda turns: progress.advance(played, turns))


async def _cases(
    parts: Bench, conversations: Sequence[Conversation], progress: Progress
) -> tuple[list[Case], list[Memory]]:
    """Return what the search of each question had, and all turns that were found."""
    asks = progress.add_task("ask", total=sum(len(one.questions) for one in conversations))
    cases, memories = [], {}
    for one in conversations:
        for question in one.questions:
            case, found = await parts.case(one.name, question.text)
            cases.append(case)
            memories.update({memory.id: memory for memory in found})
            progress.advance(asks)
    return cases, list(memories.values())


def lines(costs: Costs) -> Iterator[str]:
    """Yield the rows of a page."""
    found = fmean(sum(map(len, _arms(case))) for case in costs.cases)
    yield f"{len(costs.cases)} questions, {found:.0f} candidates each; milliseconds"
    yield "\n| feature | service | engine | by the clock | of questions |\n|---|---|---|---|---|"
    yield from (_feature(costs, of) for of in INGREDIENTS if of.name in costs.ranking)
    yield "\n| of a search | service | engine | by the clock |\n|---|---|---|---|"
    yield from _parts(costs)
    yield "\n| of a turn as it is written | by itself | with the one before |\n|---|---|---|"
    for name, made in costs.writing.items():
        yield f"| {name} | {made.alone:.2f} | {made.whole:.2f} |"


def _arms(case: Case) -> Iterator[Sequence[Found]]:
    for arms in case.found:
        yield from arms.values()


def _feature(costs: Costs, of: Ingredient) -> str:
    """Return what is saved without it. What is less than can be measured is 0, not less."""
    ranking = costs.ranking[of.name]
    share = f"{100 * fmean(of.bears(case) for case in costs.cases):.0f} %"
    if not of.engine:
        return f"| `{of.name}` | {max(ranking, 0):.2f} | | | {share} |"
    saved = costs.engine[WHOLE] - costs.engine[of.name]
    clock = ranking + saved.clock + (costs.embedding if of.name == "meaning" else 0)
    values = (max(value, 0) for value in (ranking + saved.here, saved.engine, clock))
    return f"| `{of.name}` | {' | '.join(f'{value:.2f}' for value in values)} | {share} |"


def _parts(costs: Costs) -> Iterator[str]:
    engine, ranking = costs.engine[WHOLE], costs.ranking[WHOLE]
    yield f"| the query's vector | | | {costs.embedding:.2f} |"
    yield (
        f"| names and candidates: asking, decoding | {engine.here:.2f} | {engine.engine:.2f} "
        f"| {engine.clock:.2f} |"
    )
    yield f"| reading the query, ranking | {ranking:.2f} | | |"
    for name, taken in costs.on_demand.items():
        yield f"| {name}, if asked for | {taken:.2f} | | |"


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.evaluation.retrieval.cost",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--dataset", type=Path, required=True)
    parser.add_argument(
        "--limit-conversations", type=int, default=1, help="only the first; default: %(default)s"
    )
    parser.add_argument(
        "--questions", type=int, default=60, help="at most, a conversation; default: %(default)s"
    )
    arguments = parser.parse_args(argv)
    conversations = [
        one.first(arguments.questions)
        for one in read(arguments.dataset)[: arguments.limit_conversations]
    ]
    gc.disable()  # Its pauses would fall on whatever is timed.
    try:
        with progress_bar() as progress:
            costs = asyncio.run(measured(conversations, progress))
    finally:
        gc.enable()
    print("\n".join(lines(costs)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
