"""Decide what the deletion of memories changes. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from memory_service.domain.changes import Cause, Change, ChangeKind, Earlier, OwnerState, Plan
from memory_service.domain.memory import Memory


def delete(
    memories: Sequence[Memory], state: OwnerState, now: int, cause: Cause = Cause.DELETE
) -> Plan:
    """Plan the deletion of `memories`."""
    changes = tuple(
        Change(
            ChangeKind.DELETED,
            replace(memory, revision=state.revision + place),
            earlier=Earlier(memory, max(now, memory.updated), cause),
        )
        for place, memory in enumerate(memories, start=1)
    )
    return Plan(changes, (), replace(state, revision=state.revision + len(changes)))
