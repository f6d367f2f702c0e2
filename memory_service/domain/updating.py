"""Decide what an update or a restoration makes of a memory. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from memory_service.domain.changes import Cause, Change, ChangeKind, Earlier, OwnerState, Plan
from memory_service.domain.errors import InvalidField
from memory_service.domain.memory import Memory, MemoryType, ends_before_it_begins

_OF_WHAT_WAS_SAID = frozenset({"text", "type", "event_time", "valid_from", "valid_to", "slot"})


@dataclass(frozen=True, slots=True)
class Edit:
    """A memory as it is to be, and the plan that makes it so: an empty one if it is so already."""

    memory: Memory
    plan: Plan


def update(
    memory: Memory, values: Mapping[str, Any], vector: bytes | None, state: OwnerState, now: int
) -> Edit:
    """Plan that `memory` gets these `values`, by the names of its fields.

    `vector` is that of the new text, if it could be had. Raises InvalidField.
    """
    if memory.type is MemoryType.MESSAGE and values.keys() & _OF_WHAT_WAS_SAID:
        raise InvalidField("update_mask", "may not change what was said in a message, or when")
    wanted = replace(memory, **values)
    if "text" in values:
        # The caller vouches for what the caller writes.
        wanted = replace(wanted, untrusted=False)
    if wanted.valid_to != memory.valid_to:
        wanted = replace(wanted, end_learned=False)
    # What was superseded may have ended as it began, which stays so while its times do.
    if _times(wanted) != _times(memory) and ends_before_it_begins(wanted):
        raise InvalidField("memory.valid_to", "must be after valid_from")
    return _replacement(memory, wanted, vector, Cause.UPDATE, state, now)


def restore(
    target: Memory, current: Memory | None, vector: bytes | None, state: OwnerState, now: int
) -> Edit:
    """Plan that a memory is again what it was, `target`; `current` is None if it was deleted."""
    if current is not None:
        # A vector goes with a text, so `embedded` of a state long gone says nothing.
        wanted = replace(target, created=current.created, embedded=current.embedded)
        return _replacement(current, wanted, vector, Cause.RESTORE, state, now)
    memory = replace(
        target,
        embedded=vector is not None,
        updated=max(now, target.updated),
        revision=state.revision + 1,
    )
    return _edit(Change(ChangeKind.CREATED, memory, vector), state)


def _replacement(
    memory: Memory,
    wanted: Memory,
    vector: bytes | None,
    cause: Cause,
    state: OwnerState,
    now: int,
) -> Edit:
    if replace(wanted, updated=memory.updated, revision=memory.revision) == memory:
        return Edit(memory, Plan((), (), state))
    if wanted.text == memory.text:
        vector = None
    updated = max(now, memory.updated)
    changed = replace(
        wanted,
        embedded=vector is not None or (memory.embedded and wanted.text == memory.text),
        updated=updated,
        revision=state.revision + 1,
    )
    change = Change(ChangeKind.UPDATED, changed, vector, Earlier(memory, updated, cause))
    return _edit(change, state)


def _times(memory: Memory) -> tuple[int | None, int | None]:
    return memory.valid_from, memory.valid_to


def _edit(change: Change, state: OwnerState) -> Edit:
    plan = Plan((change,), (), replace(state, revision=change.memory.revision))
    return Edit(change.memory, plan)
