"""What is measured, in which order, and beside what."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from . import baselines, corpus, operations, sessions
from .load import Opening, Target, drive
from .measure import Sample

CROWD = 16
"""Callers at once, beside the case of a single one."""

FEW = 4
"""Sessions flushed at once."""

Round = Callable[[Target, float], Sample]


@dataclass(frozen=True)
class Case:
    """One row of the result; `against` names the baselines that its rate is divided by.

    `process` names the child process that it is measured in, so that a model loads once and
    clients do not share an interpreter with it.
    """

    name: str
    unit: str
    concurrency: int
    measure: Round
    process: str = "clients"
    against: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """The name, and how many call at once."""
        return f"{self.name} x{self.concurrency}"

    @property
    def is_baseline(self) -> bool:
        """Whether it is there for others to be measured beside."""
        return not self.against


ECHO = "echo RPC"
XADD = "Redis XADD"
APPEND_SHORT = "append to 20"
READ_SHORT = "read 20 of 20"
ENCODE = "encode 1 text"
ENCODE_BATCH = f"encode {operations.BATCH} texts"
KNN = "Redis KNN"
BM25 = "Redis BM25"
KNN_BM25 = "Redis KNN + BM25"
SPACY = "spaCy pipe"


def cases() -> tuple[Case, ...]:
    """Return all cases; each baseline stands right before what is compared with it."""
    return tuple(_cases())


def baseline_of(case: Case, name: str, among: Sequence[Case]) -> Case:
    """Return the baseline of that name: of the case's concurrency if there is one, else any."""
    named = [other for other in among if other.name == name]
    return next((other for other in named if other.concurrency == case.concurrency), named[0])


def _cases() -> Iterator[Case]:
    encode = partial(baselines.encode, corpus.question, 1)
    encode_batch = partial(baselines.encode, corpus.memory_text, operations.BATCH)
    parse = partial(baselines.parse, operations.FLUSHED_TURNS)
    extract = partial(baselines.extract, operations.FLUSHED_TURNS)
    yield from _calls(ECHO, "calls", baselines.echo_rpc)
    yield from _calls(XADD, "entries", baselines.redis_xadd)
    yield from _calls("append", "messages", operations.append, ECHO, XADD)
    yield _call(APPEND_SHORT, "messages", sessions.append_short, 1)
    yield _call("append to 20,000", "messages", sessions.append_long, 1, APPEND_SHORT)
    yield _call(READ_SHORT, "reads", sessions.read_short, 1)
    yield _call("read 20 of 20,000", "reads", sessions.read_long, 1, READ_SHORT)
    yield Case(ENCODE, "texts", 1, encode, process="sentence-transformers")
    yield from _calls("embed", "texts", operations.embed, ENCODE, ECHO)
    yield from _calls("create", "memories", operations.create, ENCODE, ECHO)
    yield Case(ENCODE_BATCH, "texts", 1, encode_batch, process="sentence-transformers")
    yield _call(f"create {operations.BATCH}", "memories", operations.create_batch, 1, ENCODE_BATCH)
    yield from _calls(BM25, "searches", baselines.redis_bm25)
    yield from _calls("search keyword", "searches", operations.search_keyword, BM25, ECHO)
    yield from _calls(KNN, "searches", baselines.redis_knn)
    yield from _calls("search semantic", "searches", operations.search_semantic, KNN, ENCODE)
    yield from _calls(KNN_BM25, "searches", baselines.redis_hybrid)
    yield from _calls("search hybrid", "searches", operations.search_hybrid, KNN_BM25, ENCODE)
    yield Case(SPACY, "turns", 1, parse, process="spacy")
    yield Case("rules", "turns", 1, extract, process="spacy", against=(SPACY,))
    yield _call("flush", "turns", operations.flush, 1, SPACY)
    yield _call("flush", "turns", operations.flush, FEW, SPACY)


def _calls(name: str, unit: str, opening: Opening, *against: str) -> Iterator[Case]:
    yield _call(name, unit, opening, 1, *against)
    yield _call(name, unit, opening, CROWD, *against)


def _call(name: str, unit: str, opening: Opening, concurrency: int, *against: str) -> Case:
    return Case(name, unit, concurrency, partial(drive, opening, concurrency), against=against)
