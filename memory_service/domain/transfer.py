"""What is exported and imported: records, some of which belong to the one before them."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from memory_service.domain.changes import Earlier
from memory_service.domain.memory import Memory, NewMemory
from memory_service.domain.session import Message, Notes, Session, Summary


@dataclass(frozen=True, slots=True)
class SessionHead:
    """A session without its messages and the memories that wait in it: they follow."""

    session: Session
    notes: Notes
    summary: Summary


@dataclass(frozen=True, slots=True)
class Waiting:
    """A memory that waits in the session that came last."""

    memory: NewMemory


@dataclass(frozen=True, slots=True)
class DeletedFact:
    """A fact that was deleted, by its digest."""

    digest: str


Record = Memory | Earlier | SessionHead | Waiting | Message | DeletedFact
MemoryRecord = Memory | Earlier | DeletedFact
SessionRecord = SessionHead | Waiting | Message


class Verdict(enum.Enum):
    """What became of an imported record."""

    IMPORTED = "imported"
    DUPLICATE = "duplicate"
    CONFLICT = "conflict"


@dataclass(frozen=True, slots=True)
class Counts:
    """How many records were dealt with, how many of them were there, and how many left out."""

    total: int = 0
    duplicates: int = 0
    conflicts: int = 0

    def plus(self, verdict: Verdict, number: int = 1) -> Counts:
        """Return the counts with so many more records of which this became."""
        return Counts(
            self.total + number,
            self.duplicates + number * (verdict is Verdict.DUPLICATE),
            self.conflicts + number * (verdict is Verdict.CONFLICT),
        )

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.total + other.total,
            self.duplicates + other.duplicates,
            self.conflicts + other.conflicts,
        )
