"""Memories to be scored, wherever they come from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Memory:
    """One memory: its text, the index of its turn in the conversation, and its bytes there.

    `start` and `end` are None for a memory that gives no span.
    """

    text: str
    turn: int
    start: int | None = None
    end: int | None = None
    event_time: datetime | None = None
