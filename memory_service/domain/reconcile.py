"""Decide what becomes of new memories, given what their owner knows already. Pure.

What is known already only gains sources. What a caller writes takes the place of what it names and
its own place in its slot; what the extractor has found is taken in as it was judged.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from memory_service.domain.changes import Decision, Outcome, Plan
from memory_service.domain.learned_late import (
    NO_PAST,
    Past,
    Then,
    in_its_place,
    said_then,
    then_of,
)
from memory_service.domain.memory import Memory, MemoryType, NewMemory, fact_digest
from memory_service.domain.merging import enrich, link, merge
from memory_service.domain.owner import Owner
from memory_service.domain.planning import Known, Planner
from memory_service.domain.slot_times import beginning
from memory_service.domain.superseding import place, settle, supersede, told_earlier
from memory_service.domain.verdicts import ADD, Judgement, Verdict

_REPLACING = (Judgement.SUPERSEDE, Judgement.SUPERSEDED)


def reconcile(owner: Owner, new: Sequence[NewMemory], known: Known, now: int) -> Plan:
    """Plan how `new` are taken in.

    Each change takes the owner's next revision, each new memory a create time of its own.
    """
    planner = Planner(owner, known, now)
    return planner.plan([take(planner, memory) for memory in new])


def take(planner: Planner, new: NewMemory, *, rename: bool = False) -> Decision:
    """Take a memory in.

    With `rename` a caller's is not left out because its id is in use: it gets another.
    """
    if not rename and (before := _written_before(planner, new)) is not None:
        return Decision(Outcome.DUPLICATE, before)
    replaced = _replaced(planner, new)
    if replaced is None:
        return Decision(Outcome.SUPERSEDED_MISSING, None)
    decision = _known(planner, new)
    if decision is None and planner.find(new.id):
        if not rename or new.extractor:
            return Decision(Outcome.ID_REUSED, None)
        new = replace(new, id="")
    return _placed(planner, decision or _created(planner, new), replaced, new.supersede_reason)


def _written_before(planner: Planner, new: NewMemory) -> Memory | None:
    """Return what was written as `new` is and then gave its place to another."""
    if planner.same(new) is not None:
        return None
    known = planner.find(new.id)
    if known is None or fact_digest(known) != fact_digest(new):
        known = in_its_place(planner, new)
    done = known is not None and set(new.supersedes) <= set(known.supersedes)
    return known if done else None


def _replaced(planner: Planner, new: NewMemory) -> list[Memory] | None:
    """Return those whose place a memory is to take; None if one is not there to be replaced.

    What says the same has the place already of those that it took it from. Turns keep theirs:
    what was said was said.
    """
    same = planner.same(new)
    taken = same.supersedes if same else ()
    named = {id_: planner.find(id_) for id_ in new.supersedes}
    known = [m for m in named.values() if m is not None and m.type is not MemoryType.MESSAGE]
    current = [memory for memory in known if memory.current]
    left = named.keys() - {memory.id for memory in current}
    return current if left <= set(taken) else None


def take_found(
    planner: Planner, new: NewMemory, verdict: Verdict = ADD, past: Past = NO_PAST
) -> Decision:
    """Take in what the extractor has found, as it was judged.

    What a verdict says of memories that are not current any more does not count, nor that one takes
    the place of another of another slot. What is not to be trusted changes nothing. `past` puts one
    that was learned late among those whose place was taken since.
    """
    then = then_of(planner, new, past)
    if then.later:
        return _history(planner, new, then)
    decision = _now(planner, new, verdict)
    if decision.memory is not None and then.older:
        place(planner, planner.now_as(decision.memory), then.older, (), then.reasons)
    return decision


def _history(planner: Planner, new: NewMemory, then: Then) -> Decision:
    """Take in what was so once: what others have the place of, as long as they have known it."""
    same = said_then(planner, new, then)
    if same is not None:
        return Decision(Outcome.DUPLICATE, _again(planner, same, new, merge))
    if planner.was_deleted(new):
        return Decision(Outcome.DELETED_BEFORE, None)
    if planner.find(new.id):
        return Decision(Outcome.ID_REUSED, None)
    memory = place(planner, planner.create(new), then.older, then.later, then.reasons)
    return Decision(Outcome.SUPERSEDED, memory)


def _now(planner: Planner, new: NewMemory, verdict: Verdict) -> Decision:
    """Take in what is so now, as far as is known."""
    known = _meant(planner, new, verdict)
    if not (known and _said_anew(planner, new, verdict)):
        decision = _known(planner, new)
        if decision is not None:
            return decision
    if planner.find(new.id):
        return Decision(Outcome.ID_REUSED, None)
    if not known:
        return _created(planner, new)
    if verdict.judgement in (Judgement.DUPLICATE, Judgement.UPDATE):
        join = merge if verdict.judgement is Judgement.DUPLICATE else enrich
        return Decision(Outcome.DUPLICATE, _again(planner, known[0], new, join))
    return _beside(planner, planner.create(new), known, verdict)


def take_turn(planner: Planner, turn: NewMemory) -> None:
    """Take in a turn of a conversation, unless it is there, or was until a caller deleted it."""
    if not planner.find(turn.id) and not planner.was_deleted(turn):
        planner.create(turn)


def _again(
    planner: Planner,
    known: Memory,
    new: NewMemory,
    join: Callable[[Planner, Memory, NewMemory], Memory],
) -> Memory:
    """Let a known memory gain what says the same, and begin when that was said if it was before."""
    return told_earlier(planner, known, join(planner, known, new))


def _beside(
    planner: Planner, memory: Memory, known: Sequence[Memory], verdict: Verdict
) -> Decision:
    """Say of a memory that is stored now how it stands to those that it is not the same as."""
    reasons = {other.id: verdict.reason for other in known}
    match verdict.judgement:
        case Judgement.SUPERSEDE:
            after = place(planner, memory, known, (), reasons)
            return Decision(Outcome.SUPERSEDING, after)
        case Judgement.SUPERSEDED:
            after = place(planner, memory, (), known[:1], reasons)
            return Decision(Outcome.SUPERSEDED, after)
        case _:
            return Decision(Outcome.CREATED, link(planner, memory, known))


def _meant(planner: Planner, new: NewMemory, verdict: Verdict) -> list[Memory]:
    """Return the memories that a verdict can be about."""
    if verdict.judgement is Judgement.ADD or new.untrusted:
        return []
    named = [planner.find(memory_id) for memory_id in verdict.ids]
    current = [m for m in named if m is not None and m.current and not m.untrusted]
    if verdict.judgement not in _REPLACING:
        return current
    same = planner.same(new) if verdict.judgement is Judgement.SUPERSEDE else None
    apart = [m for m in current if m.slot and new.slot and m.slot != new.slot]
    meant = [memory for memory in current if memory not in apart]
    return [*meant, same] if meant and same and same not in meant else meant


def _said_anew(planner: Planner, new: NewMemory, verdict: Verdict) -> bool:
    """Whether what is known in the same words had been given up before it was said again."""
    same = planner.same(new)
    return same is not None and same.id != new.id and verdict.judgement is Judgement.SUPERSEDE


def _known(planner: Planner, new: NewMemory) -> Decision | None:
    """Take in what is known in the same words, or was until a caller deleted it."""
    same = planner.same(new)
    if same is not None:
        return Decision(Outcome.DUPLICATE, _again(planner, same, new, merge))
    if new.extractor and planner.was_deleted(new):
        return Decision(Outcome.DELETED_BEFORE, None)
    return None


def _created(planner: Planner, new: NewMemory) -> Decision:
    return Decision(Outcome.CREATED, planner.create(new))


def _placed(
    planner: Planner, decision: Decision, replaced: Sequence[Memory], reason: str
) -> Decision:
    """Let a memory take the place of these and its own in its slot; say what became of it."""
    before = decision.memory
    if before is None:
        return decision
    after = before
    if others := [memory for memory in replaced if memory.id != before.id]:
        begin = beginning(before, planner.now)
        after = supersede(planner, others, before, reason, begin=begin)
    after = settle(planner, after)
    if not after.current:
        return Decision(Outcome.SUPERSEDED, after)
    superseding = after.supersedes != before.supersedes
    return Decision(Outcome.SUPERSEDING if superseding else decision.outcome, after)
