"""What a write does to an owner's memories: changes, and what becomes of each new memory."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from memory_service.domain.memory import Memory


class Outcome(enum.Enum):
    """What became of a new memory; the value is stored with answers and never changes."""

    CREATED = "created"
    DUPLICATE = "duplicate"
    ID_REUSED = "id_reused"
    SUPERSEDING = "superseding"
    SUPERSEDED = "superseded"
    SUPERSEDED_MISSING = "superseded_missing"
    DELETED_BEFORE = "deleted_before"


class ChangeKind(enum.Enum):
    """What happened to a memory; the value is part of the change feed."""

    CREATED = "created"
    UPDATED = "updated"
    DELETED = "deleted"
    SUPERSEDED = "superseded"


class Cause(enum.Enum):
    """Why a memory's state was replaced; the value is stored with it and never changes."""

    UPDATE = "update"
    DELETE = "delete"
    MERGE = "merge"
    RESTORE = "restore"
    SUPERSEDE = "supersede"
    FORGET = "forget"


@dataclass(frozen=True, slots=True)
class Earlier:
    """A state that a memory was in until `replaced`, in microseconds since the epoch."""

    memory: Memory
    replaced: int
    cause: Cause


@dataclass(frozen=True, slots=True)
class OwnerState:
    """What an owner's next change is measured against."""

    revision: int
    last_created: int


@dataclass(frozen=True, slots=True)
class Change:
    """One change of one memory, which ends its `earlier` state, if it had one.

    `vector` comes with it if there is a new one.
    """

    kind: ChangeKind
    memory: Memory
    vector: bytes | None = None
    earlier: Earlier | None = None

    @property
    def new_text(self) -> bool:
        """Whether a vector from before is of another text."""
        return self.earlier is not None and self.earlier.memory.text != self.memory.text


@dataclass(frozen=True, slots=True)
class Decision:
    """What became of one new memory, and the memory that stands for it now, if one does."""

    outcome: Outcome
    memory: Memory | None


@dataclass(frozen=True, slots=True)
class Plan:
    """What to write, in order, and what to answer: a decision for each new memory."""

    changes: tuple[Change, ...]
    decisions: tuple[Decision, ...]
    state: OwnerState
