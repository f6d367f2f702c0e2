"""Decide what becomes of new memories, given what their owner knows already. Pure.

What is known already only gains sources. What a caller writes takes the place of what it names and
its own place in its slot; what the extractor has found is taken in as it was judged.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from memory_service.domain.changes import Decision, Outcome, Plan
from memory_service.domain.memory import Memory, NewMemory
from memory_service.domain.merging import enrich, link, merge
from memory_service.domain.owner import Owner
from memory_service.domain.planning import Known, Planner
from memory_service.domain.superseding import beginning, replace_known, settle, supersede
from memory_service.domain.verdicts import ADD, Judgement, Verdict


def reconcile(owner: Owner, new: Sequence[NewMemory], known: Known, now: int) -> Plan:
    """Plan how `new` are taken in.

    Each change takes the owner's next revision, each new memory a create time of its own.
    """
    planner = Planner(owner, known, now)
    return planner.plan([take(planner, memory) for memory in new])


def reconcile_all(owner: Owner, new: Sequence[NewMemory], known: Known, now: int) -> Plan:
    """As `reconcile`, but no memory of a caller is left out because its id is in use.

    One whose id stands for another text gets an id of its own.
    """
    planner = Planner(owner, known, now)
    return planner.plan([take(planner, memory, rename=True) for memory in new])


def take(planner: Planner, new: NewMemory, *, rename: bool = False) -> Decision:
    """Take a memory in; with `rename` a caller's whose id is in use gets another."""
    old = [planner.find(id_) for id_ in new.supersedes]
    replaced = [memory for memory in old if memory is not None and memory.current]
    if len(replaced) < len(old):
        return Decision(Outcome.SUPERSEDED_MISSING, None)
    decision = _known(planner, new)
    if decision is None and planner.find(new.id):
        if not rename or new.extractor:
            return Decision(Outcome.ID_REUSED, None)
        new = replace(new, id="")
    return _placed(planner, decision or _created(planner, new), replaced, new.supersede_reason)


def take_found(planner: Planner, new: NewMemory, verdict: Verdict = ADD) -> Decision:
    """Take in what the extractor has found, as it was judged.

    What a verdict says of memories that are not current any more, or of those of another slot that
    one takes the place of the other, does not count. What is not to be trusted changes nothing.
    """
    decision = _known(planner, new)
    if decision is not None:
        return _placed(planner, decision)
    if planner.find(new.id):
        return Decision(Outcome.ID_REUSED, None)
    known = [] if new.untrusted else _meant(planner, new, verdict)
    if not known:
        return _created(planner, new)
    match verdict.judgement:
        case Judgement.DUPLICATE:
            return _placed(planner, Decision(Outcome.DUPLICATE, merge(planner, known[0], new)))
        case Judgement.UPDATE:
            return _placed(planner, Decision(Outcome.DUPLICATE, enrich(planner, known[0], new)))
        case Judgement.SUPERSEDE:
            after = replace_known(planner, known, planner.create(new), verdict.reason)
            return Decision(Outcome.SUPERSEDING, after)
        case Judgement.SUPERSEDED:
            memory = planner.create(new)
            replace_known(planner, [memory], known[0], verdict.reason)
            return Decision(Outcome.SUPERSEDED, memory)
        case _:
            return Decision(Outcome.CREATED, link(planner, planner.create(new), known))


def _meant(planner: Planner, new: NewMemory, verdict: Verdict) -> list[Memory]:
    """Return the memories that a verdict can be about."""
    if verdict.judgement is Judgement.ADD:
        return []
    named = [planner.find(memory_id) for memory_id in verdict.ids]
    current = [m for m in named if m is not None and m.current and not m.untrusted]
    if verdict.judgement in (Judgement.SUPERSEDE, Judgement.SUPERSEDED):
        return [memory for memory in current if new.slot and memory.slot == new.slot]
    return current


def _known(planner: Planner, new: NewMemory) -> Decision | None:
    """Take in what is known in the same words, or was until a caller deleted it."""
    same = planner.same(new)
    if same is not None:
        return Decision(Outcome.DUPLICATE, merge(planner, same, new))
    if new.extractor and planner.was_deleted(new):
        return Decision(Outcome.DELETED_BEFORE, None)
    return None


def _created(planner: Planner, new: NewMemory) -> Decision:
    return Decision(Outcome.CREATED, planner.create(new))


def _placed(
    planner: Planner, decision: Decision, replaced: Sequence[Memory] = (), reason: str = ""
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
