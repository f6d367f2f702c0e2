"""Memories to be scored, wherever they come from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Passage:
    """Bytes start to end (exclusive) of the turn with this index."""

    turn: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Memory:
    """One memory: its text, the index of its turn in the conversation, and its bytes there.

    `start` and `end` are None for a memory that gives no span. `others` are further passages that
    tell the same.
    """

    text: str
    turn: int
    start: int | None = None
    end: int | None = None
    event_time: datetime | None = None
    others: tuple[Passage, ...] = ()

    @property
    def turns(self) -> tuple[int, ...]:
        """All turns that it comes from, the first one first."""
        return (self.turn, *(other.turn for other in self.others))
