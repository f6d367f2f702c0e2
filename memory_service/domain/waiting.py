"""Memories that callers put into a session and that wait to be promoted."""

from __future__ import annotations

from dataclasses import fields, replace

from memory_service.domain.memory import Memory, NewMemory
from memory_service.domain.owner import Owner
from memory_service.domain.planning import Planner

_GIVEN = tuple(field.name for field in fields(NewMemory) if field.name != "vector")


def as_memory(owner: Owner, waiting: NewMemory) -> Memory:
    """Return a memory that is not stored yet as one that is, without times and revision."""
    values = {name: getattr(waiting, name) for name in _GIVEN}
    return Memory(owner=owner, **values, embedded=False, created=0, updated=0, revision=0)


def to_be(planner: Planner, new: NewMemory) -> Memory:
    """Return a new memory as the one that it will be, said now unless it says when."""
    said = planner.now if new.mentioned is None else new.mentioned
    return replace(as_memory(planner.owner, new), mentioned=said)
