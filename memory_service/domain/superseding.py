"""Memories that take each other's place. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from memory_service.domain.changes import Cause, ChangeKind
from memory_service.domain.event_times import order
from memory_service.domain.memory import Memory
from memory_service.domain.planning import Planner

SAME_SLOT = "same slot"
"""Why a memory took the place of another where nobody gave a reason."""

MAX_SUPERSEDED = 256
"""How many of those whose place it took a memory names, the last ones."""


def newer(one: Memory, other: Memory) -> bool:
    """Tell whether `one` takes the place of `other` where they are of one slot.

    The event times decide, as far as both are known, else which was said last. Of two that are
    equal in all this, neither is newer.
    """
    if one.event_time and other.event_time:
        later = order(one.event_time, other.event_time)
        if later:
            return later > 0
    return one.last_said > other.last_said


def settle(planner: Planner, memory: Memory) -> Memory:
    """Give a current memory its place among the current ones of its slot, whatever came first."""
    if memory.untrusted:
        return memory
    others = [other for other in planner.of_slot(memory.slot) if other.id != memory.id]
    if older := [other for other in others if newer(memory, other)]:
        memory = replace_known(planner, older, memory, SAME_SLOT)
    if later := [other for other in others if newer(other, memory)]:
        replace_known(planner, [memory], min(later, key=_order), SAME_SLOT)
    return planner.find(memory.id) or memory


def replace_known(planner: Planner, others: Sequence[Memory], by: Memory, reason: str) -> Memory:
    """Let `by` take the place of others that end as it begins: when it was said, if not known."""
    begin = _begun(by)
    begun = by.valid_from is None and (by.valid_to is None or begin < by.valid_to)
    values = {"valid_from": begin} if begun else {}
    return supersede(planner, others, by, reason, begin=begin, **values)


def supersede(
    planner: Planner,
    others: Sequence[Memory],
    by: Memory,
    reason: str,
    *,
    begin: int,
    **values: Any,
) -> Memory:
    """Let `by`, which begins to be true at `begin`, take the place of others; give it `values`."""
    for old in others:
        planner.change(
            ChangeKind.SUPERSEDED,
            old,
            Cause.SUPERSEDE,
            superseded_by=by.id,
            superseded=max(planner.now, old.updated),
            supersede_reason=reason,
            valid_to=_end(old, begin),
            end_learned=old.valid_to is None,
        )
    names = dict.fromkeys((*by.supersedes, *(old.id for old in others)))
    kept = tuple(names)[-MAX_SUPERSEDED:]
    return planner.change(ChangeKind.UPDATED, by, Cause.SUPERSEDE, supersedes=kept, **values)


def beginning(memory: Memory, now: int) -> int:
    """Return when a memory begins to be true, as far as is known, else `now`."""
    if memory.valid_from is not None:
        return memory.valid_from
    return memory.event_time.micros if memory.event_time else now


def _begun(memory: Memory) -> int:
    """Return from when on a memory has its place, which a plan has from when it was made."""
    begin = beginning(memory, memory.first_said)
    return begin if memory.valid_from is not None else min(begin, memory.first_said)


def _end(old: Memory, begin: int) -> int:
    """Return when a memory stops being true whose place is taken by one that begins then."""
    if old.valid_to is not None:
        return old.valid_to
    return begin if old.valid_from is None else max(begin, old.valid_from)


def _order(memory: Memory) -> tuple[int, str]:
    return _begun(memory), memory.id
