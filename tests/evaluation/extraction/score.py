"""Memories against facts: found, precise, or not. Knows no extractor and no service."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from extractor_service.embedder import Embedder, Purpose, Vectors

from .corpus import Fact
from .memories import Memory

NEAR, NEARER = 0.6, 0.7
"""Cosines from which on a memory tells a fact."""

_BATCH = 32

Cosines = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Match:
    """The best cosine of each fact, and of each memory; -1 where none is beside it.

    A fact and a memory are compared if one of the memory's turns is the fact's or one beside it.
    """

    facts: Cosines
    memories: Cosines


class Vectoriser:
    """Texts to vectors, each text once."""

    def __init__(self, embedder: Embedder) -> None:
        """Embed with this model."""
        self._embedder = embedder
        self._known: dict[str, Vectors] = {}

    def vectors(self, texts: Sequence[str]) -> Vectors:
        """One row for each text."""
        new = sorted({text for text in texts if text not in self._known}, key=len)
        for start in range(0, len(new), _BATCH):
            batch = new[start : start + _BATCH]
            rows = self._embedder.encode(batch, Purpose.DOCUMENT)
            self._known |= dict(zip(batch, rows, strict=True))
        if not texts:
            return np.zeros((0, self._embedder.info.dimension), dtype=np.float32)
        return np.stack([self._known[text] for text in texts])


def match(facts: Sequence[Fact], memories: Sequence[Memory], vectoriser: Vectoriser) -> Match:
    """Compare every fact with every memory beside it."""
    if not facts or not memories:
        return Match(_nothing(len(facts)), _nothing(len(memories)))
    wanted = vectoriser.vectors([fact.text for fact in facts])
    got = vectoriser.vectors([memory.text for memory in memories])
    places = np.array([fact.turn for fact in facts])
    beside = np.stack([_beside(places, memory) for memory in memories], axis=1)
    cosines = np.where(beside, wanted @ got.T, np.float32(-1))
    return Match(cosines.max(axis=1), cosines.max(axis=0))


def share(cosines: Cosines, least: float) -> float | None:
    """The share that is at least so near, None of nothing."""
    return float((cosines >= least).mean()) if len(cosines) else None


def _beside(places: npt.NDArray[np.int_], memory: Memory) -> npt.NDArray[np.bool_]:
    """For each place whether the memory is from there or one turn beside it."""
    return (np.abs(places[:, None] - np.array(memory.turns)[None]) <= 1).any(axis=1)


def _nothing(size: int) -> Cosines:
    return np.full(size, -1, dtype=np.float32)
