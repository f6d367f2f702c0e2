"""What a new fact is to known ones, as the extractor's service judges it."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from memory_service.domain.memory import Memory, NewMemory


class Judgement(enum.Enum):
    """What a new fact is to the known ones that a verdict names."""

    ADD = "add"
    """It has to do with none of them."""
    DUPLICATE = "duplicate"
    """It says the same."""
    UPDATE = "update"
    """It says the same, and more."""
    SUPERSEDE = "supersede"
    """It is newer, and has their place."""
    SUPERSEDED = "superseded"
    """It is older: the known one has its place."""
    CONTRADICT = "contradict"
    """It says otherwise, and which is newer cannot be told."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """A judgement, and the ids of the known facts that it is about."""

    judgement: Judgement
    ids: tuple[str, ...] = ()
    reason: str = ""


ADD = Verdict(Judgement.ADD)


@dataclass(frozen=True, slots=True)
class Neighbor:
    """A known fact that a new one may have to do with; `similarity` is the cosine, if known."""

    memory: Memory
    similarity: float | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """A new fact, and what is known that is near it or of its slot."""

    new: NewMemory
    neighbors: tuple[Neighbor, ...]
