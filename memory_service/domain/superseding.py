"""Memories that take each other's place. Pure.

What is learned late takes its place among those that were superseded before: each is true until the
next begins, whatever came first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from memory_service.domain.changes import Cause, ChangeKind
from memory_service.domain.memory import Memory
from memory_service.domain.planning import Planner
from memory_service.domain.slot_times import begin, end, learned_begin, newer, since
from memory_service.domain.splitting import part, spans

SAME_SLOT = "same slot"
"""Why a memory took the place of another where nobody gave a reason."""

MAX_SUPERSEDED = 256
"""How many of those whose place it took a memory names, the last ones."""


def settle(planner: Planner, memory: Memory) -> Memory:
    """Give a current memory its place among those of its slot, whatever came first."""
    others = [other for other in planner.of_slot(memory.slot) if other.id != memory.id]
    if memory.untrusted or not others:
        return memory
    others += planner.history(memory.slot)
    older = [other for other in others if newer(memory, other)]
    return place(planner, memory, older, later_ones(planner, memory), {})


def later_ones(planner: Planner, memory: Memory) -> list[Memory]:
    """Return what takes the place of a memory in its slot, whether its own was taken or not."""
    slot = [*planner.of_slot(memory.slot), *planner.history(memory.slot)]
    return [other for other in slot if newer(other, memory) and _in_order(planner, other)]


def what_came(planner: Planner, memory: Memory) -> Memory:
    """Return what ends those before a memory: itself, or what took its place before it began."""
    by = planner.find(memory.superseded_by)
    return what_came(planner, by) if by is not None and begin(by) < begin(memory) else memory


def place(
    planner: Planner,
    memory: Memory,
    older: Sequence[Memory],
    later: Sequence[Memory],
    reasons: Mapping[str, str],
) -> Memory:
    """Give a current memory its place between others that cannot be true when it is.

    Of those that are later the next takes its place; of the older ones it takes that of each whose
    place nothing took before it began. One that was said before and after it is parted in two.
    `reasons` are there by the others' ids.
    """
    parted = [part(planner, other, since(memory)[0]) for other in later if spans(other, memory)]
    for old in map(planner.now_as, (*older, *parted)):
        if _goes_on(planner, old, memory):
            memory = replace_known(planner, [old], memory, reasons.get(old.id, SAME_SLOT))
    if later:
        following = min((planner.now_as(other) for other in later), key=since)
        why = reasons.get(following.id, SAME_SLOT)
        replace_known(planner, [memory], following, why)
        _pass_on(planner, following)
    return planner.now_as(memory)


def replace_known(planner: Planner, others: Sequence[Memory], by: Memory, reason: str) -> Memory:
    """Let `by` take the place of others that end as it begins: when it was said, if not known."""
    beginning, ending = begin(by), by.valid_to
    values: dict[str, Any] = {}
    if by.valid_from is None and (ending is None or by.end_learned or beginning < ending):
        values["valid_from"] = beginning
        if ending is not None:
            values["valid_to"] = max(beginning, ending)
    return supersede(planner, others, by, reason, begin=beginning, **values)


def supersede(
    planner: Planner,
    others: Sequence[Memory],
    by: Memory,
    reason: str,
    *,
    begin: int,
    **values: Any,
) -> Memory:
    """Let `by`, which begins to be true at `begin`, take the place of others; give it `values`.

    One whose place was taken already, by a later one, is superseded since then, but by `by`. So are
    those whose place is had by one that will not have begun.
    """
    for old in others:
        _leave(planner, old)
        planner.change(
            ChangeKind.SUPERSEDED if old.current else ChangeKind.UPDATED,
            old,
            Cause.SUPERSEDE,
            superseded_by=by.id,
            superseded=max(planner.now, old.updated) if old.current else old.superseded,
            supersede_reason=reason,
            valid_to=end(old, begin),
            end_learned=old.end_learned or old.valid_to is None,
        )
    for old in others:
        _pass_on(planner, old)
    by = planner.now_as(by)
    names = dict.fromkeys((*by.supersedes, *(old.id for old in others)))
    kept = tuple(names)[-MAX_SUPERSEDED:]
    return planner.change(ChangeKind.UPDATED, by, Cause.SUPERSEDE, supersedes=kept, **values)


def told_earlier(planner: Planner, before: Memory, after: Memory) -> Memory:
    """Let a memory that is known now to have been said earlier begin then, and others end then."""
    begun = learned_begin(after)
    if after.valid_from != learned_begin(before) or begun >= learned_begin(before):
        return after
    after = planner.change(ChangeKind.UPDATED, after, Cause.MERGE, valid_from=begun)
    for old in planner.taken_by(after):
        if old.end_learned:
            ending = end(old, begun)
            planner.change(ChangeKind.UPDATED, old, Cause.SUPERSEDE, valid_to=ending)
    return after


def _pass_on(planner: Planner, memory: Memory) -> None:
    """Let what took a memory's place before it began end those that the memory would have ended."""
    memory = planner.now_as(memory)
    by = what_came(planner, memory)
    if by.id != memory.id:
        for before in planner.taken_by(memory):
            reason = before.supersede_reason
            supersede(planner, [before], planner.now_as(by), reason, begin=begin(by))


def _goes_on(planner: Planner, old: Memory, memory: Memory) -> bool:
    """Whether nothing took the place of `old` before `memory` began."""
    if old.current:
        return True
    by = planner.find(old.superseded_by)
    if by is None:
        # It is gone, but for when it began.
        return old.valid_to is not None and begin(memory) < old.valid_to
    return by.id != memory.id and since(memory) < since(by)


def _in_order(planner: Planner, old: Memory) -> bool:
    """Whether a memory's place was taken, if at all, by what is newer, not by what was better."""
    by = planner.find(old.superseded_by)
    return old.current or (by is not None and newer(by, old))


def _leave(planner: Planner, old: Memory) -> None:
    """Take a superseded memory from those whose place its successor took."""
    by = planner.find(old.superseded_by) if not old.current else None
    if by is not None and old.id in by.supersedes:
        rest = tuple(id_ for id_ in by.supersedes if id_ != old.id)
        planner.change(ChangeKind.UPDATED, by, Cause.SUPERSEDE, supersedes=rest)
