"""Which known facts a new one may have to do with. Pure."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from operator import mul

from memory_service.domain.memory import FACTS, Memory, NewMemory
from memory_service.domain.planning import Planner
from memory_service.domain.search import Candidate
from memory_service.domain.slot_times import begin, newer
from memory_service.domain.verdicts import Neighbor, Question
from memory_service.domain.waiting import to_be

NEAREST = 8
"""How many facts are looked at because they are near."""

NEAR = 0.6
"""The cosine from which on two facts may say the same, or otherwise."""

MAX_NEIGHBORS = 32
"""How many neighbors a question may have."""

MAX_OF_THEN = 64
"""How many facts of its slot one that was learned late is compared with."""


MAX_TEXT = 32 * 1024
"""Bytes of a text that is looked at; a longer one is no sentence that says one thing."""


@dataclass(frozen=True, slots=True)
class Found:
    """A new fact from the extractor, and the stored ones that the index holds nearest to it."""

    new: NewMemory
    stored: Sequence[Candidate] = ()


def questions(planner: Planner, found: Sequence[Found]) -> list[Question]:
    """Return what to ask of each new fact, those before it taken for known already."""
    planned = [(m, vector) for m, vector in planner.with_vectors() if _counts(m)]
    known = [_Placed(memory, _unit(vector)) for memory, vector in planned]
    asked = []
    for each in found:
        vector = _unit(each.new.vector) if each.new.vector else None
        asked.append(Question(each.new, _neighbors(planner, each, vector, known)))
        if (memory := _as_known(planner, each.new)) is not None:
            known.append(_Placed(memory, vector))
    return asked


def is_open(planner: Planner, question: Question) -> bool:
    """Tell whether it takes a verdict to know what becomes of a new fact."""
    known = planner.same(question.new) is not None
    return len(question.neighbors) > (1 if known else 0)


def stale(planner: Planner, question: Question) -> bool:
    """Tell whether one of the neighbors is by now not what it was when it was asked about."""
    return any(_moved(planner, neighbor.memory) for neighbor in question.neighbors)


def of_then(planner: Planner, new: NewMemory) -> list[Memory]:
    """Return the facts of its slot, superseded or not, that a fact learned late may stand between.

    None where all that was superseded had been when it became true.
    """
    if planner.was_deleted(new) or not _compared(new):
        return []
    history, memory = planner.history(new.slot), to_be(planner, new)
    if not any(_went_on(planner, old, memory) for old in history):
        return []
    slot = [m for m in (*planner.of_slot(new.slot), *history) if _compared(m) and m.id != new.id]
    return slot[:MAX_OF_THEN]


def _went_on(planner: Planner, old: Memory, memory: Memory) -> bool:
    """Whether a superseded memory was true after another was, as far as is known."""
    by = planner.find(old.superseded_by)
    return newer(by, memory) if by is not None else (old.valid_to or 0) > begin(memory)


def _as_known(planner: Planner, new: NewMemory) -> Memory | None:
    """Return a new fact as the memory that it will be, unless it is known already."""
    known = planner.same(new) or planner.was_deleted(new) or planner.find(new.id)
    memory = to_be(planner, new)
    return memory if not known and _counts(memory) else None


def _moved(planner: Planner, memory: Memory) -> bool:
    now = planner.find(memory.id)
    return now is None or not now.current or (now.text, now.slot) != (memory.text, memory.slot)


@dataclass(frozen=True, slots=True)
class _Placed:
    memory: Memory
    vector: Sequence[float] | None


def _counts(memory: Memory) -> bool:
    return memory.current and _compared(memory)


def _compared(memory: Memory | NewMemory) -> bool:
    short = len(memory.text.encode()) <= MAX_TEXT
    return short and not memory.untrusted and memory.type in FACTS


def _neighbors(
    planner: Planner,
    found: Found,
    vector: Sequence[float] | None,
    planned: Sequence[_Placed],
) -> tuple[Neighbor, ...]:
    new = found.new
    if not _compared(new) or planner.was_deleted(new):
        return ()
    # Beside one that says the same in the same words, only another of its slot matters.
    if (same := planner.same(new)) is not None:
        others = [m for m in planner.of_slot(new.slot) if m.id != same.id and _compared(m)]
        return (Neighbor(same, 1.0), *map(Neighbor, others))[:MAX_NEIGHBORS]
    of_slot = [
        *(memory for memory in planner.of_slot(new.slot) if _compared(memory)),
        *(p.memory for p in planned if new.slot and p.memory.slot == new.slot),
    ]
    near = _near(planner, found, vector, planned)
    by_id = {memory.id: Neighbor(memory, near.get(memory.id)) for memory in of_slot}
    ranked = sorted(near.items(), key=lambda item: (-item[1], item[0]))[:NEAREST]
    memories = {p.memory.id: p.memory for p in planned}
    for memory_id, similarity in ranked:
        memory = planner.find(memory_id) or memories[memory_id]
        by_id.setdefault(memory_id, Neighbor(memory, similarity))
    return tuple(by_id.values())[:MAX_NEIGHBORS]


def _near(
    planner: Planner, found: Found, vector: Sequence[float] | None, planned: Sequence[_Placed]
) -> dict[str, float]:
    """Return the cosines of the facts that are near, by their ids."""
    stored = {
        candidate.memory.id: candidate.raw
        for candidate in found.stored
        if not _moved(planner, candidate.memory) and _compared(candidate.memory)
    }
    ours = {p.memory.id: _cosine(vector, p.vector) for p in planned if vector and p.vector}
    return {id_: cosine for id_, cosine in (stored | ours).items() if cosine >= NEAR}


def _unit(vector: bytes) -> Sequence[float]:
    values = array("f", vector)
    length = math.sqrt(sum(map(mul, values, values))) or 1.0
    return array("f", (value / length for value in values))


def _cosine(one: Iterable[float], other: Iterable[float]) -> float:
    return float(sum(map(mul, one, other)))
