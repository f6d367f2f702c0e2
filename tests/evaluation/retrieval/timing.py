"""Times the parts of a search with and without what it can do without.

Of each question the least CPU time of several rounds counts, so that what else runs on the machine
does not, and of all questions that have to do with an ingredient the median; of the engine the CPU
time that Redis says, of all questions in a round.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from statistics import median

from memory_service.domain.conversation import search_terms
from memory_service.domain.memory import Memory, embedded_text
from memory_service.domain.ranking import in_order
from memory_service.domain.search import Ask
from memory_service.domain.signals import signals_of
from memory_service.store.search import TIMEOUT_MS

from .ingredients import INGREDIENTS, ON_DEMAND, Case
from .searching import Bench

ROUNDS = 7
ENGINE_ROUNDS = 5
WHOLE = ""
"""The name of a search with all its ingredients."""

WRITTEN = 64
"""How many turns are timed as they are written."""

_BATCH = 16


@dataclass(frozen=True, slots=True)
class Spent:
    """Milliseconds of CPU in this process and in the engine, and by the clock."""

    here: float
    engine: float
    clock: float

    def __sub__(self, other: Spent) -> Spent:
        return Spent(self.here - other.here, self.engine - other.engine, self.clock - other.clock)


def least(calls: Mapping[str, Callable[[], object]], rounds: int = ROUNDS) -> dict[str, float]:
    """Return the least CPU time of each call, in ms; in each round each of them has its turn."""
    best = dict.fromkeys(calls, float("inf"))
    for _ in range(rounds):
        for name, call in calls.items():
            before = time.process_time_ns()
            call()
            best[name] = min(best[name], (time.process_time_ns() - before) / 1e6)
    return best


def ranking(cases: Sequence[Case]) -> dict[str, float]:
    """Return the median of reading and ranking, as WHOLE, and of what each ingredient adds."""
    added: dict[str, list[float]] = defaultdict(list)
    for case in cases:
        bearing = [each for each in INGREDIENTS if each.bears(case)]
        calls = {each.name: partial(_read_and_ranked, each.without(case)) for each in bearing}
        found = least({WHOLE: partial(_read_and_ranked, case), **calls})
        reads = least({each.name: partial(each.reads, case) for each in bearing})
        added[WHOLE].append(found[WHOLE])
        for each in bearing:
            added[each.name].append(found[WHOLE] - found[each.name] + reads[each.name])
    return {name: median(values) for name, values in added.items()}


def _read_and_ranked(case: Case) -> None:
    case.understood()
    in_order(case.ranked())


def on_demand(cases: Sequence[Case]) -> dict[str, float]:
    """Return the median of what a caller can ask for beside."""
    taken: dict[str, list[float]] = defaultdict(list)
    for case in cases:
        ranked = case.ranked()
        calls = {name: partial(do, ranked, case.now) for name, do in ON_DEMAND.items()}
        for name, value in least(calls).items():
            taken[name].append(value)
    return {name: median(values) for name, values in taken.items()}


async def engine(bench: Bench, cases: Sequence[Case]) -> dict[str, Spent]:
    """Return what asking the engine takes with all ingredients, and without each that asks it."""
    ways = {
        each.name: [each.without(case) for case in cases] for each in INGREDIENTS if each.engine
    }
    rounds: dict[str, list[Spent]] = defaultdict(list)
    for _ in range(ENGINE_ROUNDS):
        for name, asked in {WHOLE: cases, **ways}.items():
            rounds[name].append(await _round(bench, asked))
    return {
        name: Spent(*(min(values) for values in zip(*map(_values, spent), strict=True)))
        for name, spent in rounds.items()
    }


def _values(spent: Spent) -> tuple[float, float, float]:
    return spent.here, spent.engine, spent.clock


async def _round(bench: Bench, cases: Sequence[Case]) -> Spent:
    """Return what asking for each case takes: the means of CPU times, the median by the clock."""
    engine_before, before, clock = await bench.engine_cpu(), time.process_time(), []
    for case in cases:
        start = time.perf_counter()
        await _ask(bench, case)
        clock.append(time.perf_counter() - start)
    here = (time.process_time() - before) / len(cases)
    of_engine = (await bench.engine_cpu() - engine_before) / len(cases)
    return Spent(here * 1000, of_engine * 1000, median(clock) * 1000)


async def _ask(bench: Bench, case: Case) -> None:
    owners = case.sides[0].selection.owners
    if case.names:
        await bench.revisions.reached_with_names(owners, 0)
    else:
        await bench.revisions.reached(owners[0], 0)
    having = [Ask(side.selection, side.having) for side in case.sides]
    await bench.engine.by_words(having, case.asked.words, TIMEOUT_MS)
    if case.vector is not None:
        near = [Ask(side.selection, side.near) for side in case.sides]
        await bench.engine.by_meaning(near, case.vector, TIMEOUT_MS)


async def embedding(bench: Bench, cases: Sequence[Case]) -> float:
    """Return the median time by the clock that a query's vector takes, the least of three."""
    best = []
    for case in cases:
        taken = []
        for _ in range(3):
            start = time.perf_counter()
            await bench.embedding.query(case.asked.text)
            taken.append(time.perf_counter() - start)
        best.append(min(taken) * 1000)
    return median(best)


@dataclass(frozen=True, slots=True)
class Made:
    """Milliseconds that it takes to make something of a turn as it is written: of the turn by
    itself, and with the turn before it."""

    alone: float
    whole: float


async def writing(bench: Bench, memories: Sequence[Memory]) -> dict[str, Made]:
    """Return what it takes to make vectors and words of turns that have one before them."""
    whole = [each for each in memories if each.turn and each.turn.preceding][:WRITTEN]
    alone = [replace(each, turn=None) for each in whole]
    if not whole:
        return {}
    words = least({"alone": partial(_words, alone), WHOLE: partial(_words, whole)})
    signals = least({"": lambda: [signals_of(each) for each in whole]})[""]
    return {
        "vector": Made(await _embedded(bench, alone), await _embedded(bench, whole)),
        "words": Made(words["alone"] / len(whole), words[WHOLE] / len(whole)),
        "signals": Made(signals / len(whole), signals / len(whole)),
    }


def _words(memories: Sequence[Memory]) -> None:
    for each in memories:
        list(search_terms(each))


async def _embedded(bench: Bench, memories: Sequence[Memory]) -> float:
    """Return the least time by the clock that a turn's vector takes, in batches."""
    texts = [embedded_text(each.text, each.turn) for each in memories]
    rounds = []
    for _ in range(3):
        start = time.perf_counter()
        for first in range(0, len(texts), _BATCH):
            await bench.embedding.documents(texts[first : first + _BATCH])
        rounds.append((time.perf_counter() - start) * 1000 / len(texts))
    return min(rounds)
