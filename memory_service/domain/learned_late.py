"""A fact that was learned late, among those of its slot that took each other's place. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from memory_service.domain.memory import Memory, NewMemory, fact_digest
from memory_service.domain.planning import Planner
from memory_service.domain.slot_times import given_begin, since
from memory_service.domain.splitting import spans
from memory_service.domain.superseding import later_ones, what_came
from memory_service.domain.verdicts import Judgement, Verdict
from memory_service.domain.waiting import as_memory, to_be

Past = Mapping[str, Verdict]
"""What a fact is to each of its slot, superseded or not: a verdict on it alone, by its id."""

NO_PAST: Past = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Then:
    """What a fact stands between, superseded or not: what cannot be true when it is, and why.

    `same` says the same at some time.
    """

    older: tuple[Memory, ...]
    later: tuple[Memory, ...]
    same: tuple[Memory, ...]
    reasons: Mapping[str, str]


def then_of(planner: Planner, new: NewMemory, past: Past) -> Then:
    """Return what a fact stands between, as it was judged; nothing of one not to be trusted."""
    judged = {} if new.untrusted else past

    def those(*judgements: Judgement) -> tuple[Memory, ...]:
        found = (planner.find(id_) for id_, v in judged.items() if v.judgement in judgements)
        return tuple(memory for memory in found if memory is not None and not memory.untrusted)

    return Then(
        older=those(Judgement.SUPERSEDE),
        later=those(Judgement.SUPERSEDED),
        same=those(Judgement.DUPLICATE, Judgement.UPDATE),
        reasons={id_: verdict.reason for id_, verdict in judged.items()},
    )


def said_then(planner: Planner, new: NewMemory, then: Then) -> Memory | None:
    """Return what says the same and was true then: what gave way to the next that is later."""
    following = min(then.later, key=since)
    if spans(following, to_be(planner, new)):
        return None
    came = what_came(planner, following)
    return next((old for old in then.same if old.superseded_by == came.id), None)


def in_its_place(planner: Planner, new: NewMemory) -> Memory | None:
    """Return what a caller wrote as it writes `new`, where that would have its place: in history.

    What would be current is said anew.
    """
    memory = replace(as_memory(planner.owner, new), created=planner.next_created)
    later = later_ones(planner, memory) if planner.of_slot(new.slot) else []
    if new.untrusted or not later or any(spans(other, memory) for other in later):
        return None
    came = what_came(planner, min(later, key=since))
    there = [old for old in planner.history(new.slot) if old.superseded_by == came.id]
    return next((old for old in there if _written_so(old, new)), None)


def _written_so(old: Memory, new: NewMemory) -> bool:
    """Whether a memory says what `new` says, and of the same time, as far as that was given."""
    begins = new.valid_from in (old.valid_from, given_begin(old))
    ends = new.valid_to == (None if old.end_learned else old.valid_to)
    return begins and ends and fact_digest(old) == fact_digest(new)
