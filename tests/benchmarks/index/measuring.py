"""Recall, latency, memory and load rate of each make of index at each size."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean

from tests.benchmarks.measure import percentile

from .engine import Engine, Loaded, Make, engine
from .population import OWNERS, Population, Question, ask, nearest

K = 10
EFS = (10, 100, 200)
"""EF_RUNTIME of HNSW: how many candidates a search keeps."""

MAKES = tuple(
    Make(algorithm, precision)
    for algorithm in ("FLAT", "HNSW")
    for precision in ("FLOAT32", "FLOAT16")
)

Notice = Callable[[str, int], object]
"""Told what is done and how many steps of it were taken."""


@dataclass(frozen=True)
class Size:
    """How many memories, how many of them of one owner, and how many questions are asked."""

    memories: int
    largest: int
    questions: int


SIZES = (Size(10_000, 5_000, 200), Size(100_000, 20_000, 200))
QUICK = (Size(1_000, 500, 20),)


@dataclass(frozen=True)
class Search:
    """Searches of one kind: among whose memories, recall@K as a mean, and seconds of a search.

    `ef` is None for FLAT. `cpu` is the time that the server computed, as a mean.
    """

    among: str
    ef: int | None
    recall: float
    cpu: float
    p50: float
    p95: float


@dataclass(frozen=True)
class Result:
    """What one make of index is like at one size."""

    make: Make
    size: Size
    loaded: Loaded
    searches: tuple[Search, ...]

    @property
    def load_rate(self) -> float:
        """Memories written a second."""
        return self.size.memories / self.loaded.seconds

    @property
    def cpu_load_rate(self) -> float:
        """Memories written in a second in which the server has a CPU for itself."""
        return self.size.memories / self.loaded.cpu_seconds


@dataclass(frozen=True)
class Scope:
    """Questions and the memories among which each is asked; `whose` is None for all."""

    among: str
    questions: Sequence[Question]
    filtered: bool

    def exact(self, population: Population, question: Question) -> set[int]:
        """Return the rows of the nearest, by comparing all."""
        if not self.filtered:
            return set(nearest(population.vectors, question.vector, K))
        rows = population.rows(question.owner)
        of_owner = population.vectors[rows.start : rows.stop]
        return {rows.start + row for row in nearest(of_owner, question.vector, K)}


def scopes(population: Population, size: Size) -> list[Scope]:
    """Return what is asked: of one large owner, of the small ones, and of all memories."""
    small = len(population.rows(1))
    large = ask(population, range(1), size.questions)
    of_small = ask(population, range(1, OWNERS), size.questions)
    return [
        Scope(f"an owner's {size.largest:,}", large, filtered=True),
        Scope(f"an owner's {small:,}", of_small, filtered=True),
        Scope("all", of_small, filtered=False),
    ]


async def measure(
    make: Make, size: Size, population: Population, asked: Sequence[Scope], notice: Notice
) -> Result:
    """Load one make of index and search it in every way."""
    async with engine(make) as running:

        def loading(steps: int) -> None:
            notice(f"load {make}, {size.memories:,}", steps)

        loaded = await running.load(population, loading)
        searches = []
        for scope in asked:
            for ef in EFS if make.algorithm == "HNSW" else (None,):
                searches.append(await _search(running, population, scope, ef))
                notice(f"search {make}, {scope.among}", len(scope.questions))
    return Result(make, size, loaded, tuple(searches))


def steps(sizes: Sequence[Size]) -> int:
    """Return how many steps `measure` tells of, in all."""
    searches = sum(len(EFS) if make.algorithm == "HNSW" else 1 for make in MAKES)
    return sum(size.memories * len(MAKES) + 3 * size.questions * searches for size in sizes)


async def _search(running: Engine, population: Population, scope: Scope, ef: int | None) -> Search:
    recalls, seconds = [], []
    before = await running.cpu_seconds()
    for question in scope.questions:
        whose = question.owner if scope.filtered else None
        found, taken = await running.nearest(question.vector, K, whose=whose, ef=ef)
        exact = scope.exact(population, question)
        recalls.append(len(exact.intersection(found)) / len(exact))
        seconds.append(taken)
    cpu = (await running.cpu_seconds() - before) / len(seconds)
    percentiles = (percentile(seconds, percent) for percent in (50, 95))
    return Search(scope.among, ef, fmean(recalls), cpu, *percentiles)
