"""Made-up memories: owners with topics of their own, and vectors like those of a text model.

A vector is the direction that all have in common, the centre of its topic, and what is its own,
with variances that fall as they do in embeddings of text. The figures below were chosen so that
cosines are distributed as those of all-MiniLM-L6-v2 over 1,500 turns of conversations: mean 0.24
(there 0.23), standard deviation 0.13 (0.13), the nearest at 0.70 (0.68), the tenth at 0.55 (0.56).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float32]
Rows = npt.NDArray[np.intp]

DIMENSION = 384
OWNERS = 250
TOPIC_SIZE = 10
"""Memories of a topic, on average."""

_SEED = 7
_FALL = 0.45
"""The standard deviation along the nth direction is n to the power of minus this."""
_COMMON = 0.55
_TOPIC_SHARE = 0.5
"""The share of the variance that is between topics."""


@dataclass(frozen=True)
class Population:
    """`vectors` of unit length, those of an owner beside each other: `starts` has OWNERS + 1 rows.

    The first owner has many, the others the rest in equal parts. `centres` has the topics' centres
    and `topics` the topic of each memory.
    """

    vectors: Vectors
    starts: tuple[int, ...]
    topics: npt.NDArray[np.intp]
    centres: Vectors

    @property
    def size(self) -> int:
        """How many memories there are."""
        return len(self.vectors)

    def rows(self, owner: int) -> range:
        """Return the rows of an owner's memories."""
        return range(self.starts[owner], self.starts[owner + 1])

    def owner_of(self) -> Iterator[int]:
        """Yield the owner of each memory."""
        for owner in range(OWNERS):
            for _ in self.rows(owner):
                yield owner


@dataclass(frozen=True)
class Question:
    """A new vector about one of the owner's topics."""

    owner: int
    vector: Vectors


def populate(size: int, largest: int) -> Population:
    """Return `size` memories, of which the first owner has `largest`. Always the same ones."""
    random = np.random.default_rng(_SEED)
    rest = np.linspace(largest, size, OWNERS).round().astype(int)
    starts = (0, *rest.tolist())
    of_topic, first = np.zeros(size, dtype=np.intp), 0
    for start, end in itertools.pairwise(starts):
        topics = max(1, (end - start) // TOPIC_SIZE)
        of_topic[start:end] = first + random.integers(topics, size=end - start)
        first += topics
    centres = _drawn(random, first)
    vectors = _placed(random, centres[of_topic])
    return Population(vectors, starts, of_topic, centres)


def ask(population: Population, owners: range, count: int) -> list[Question]:
    """Return questions, in turn of each of these owners."""
    random = np.random.default_rng(_SEED + 1)
    asked = [owners[n % len(owners)] for n in range(count)]
    about = [population.topics[random.choice(population.rows(owner))] for owner in asked]
    vectors = _placed(random, population.centres[about])
    return [Question(owner, vector) for owner, vector in zip(asked, vectors, strict=True)]


def nearest(vectors: Vectors, vector: Vectors, k: int) -> list[int]:
    """Return the `k` rows of the greatest cosine, all compared."""
    cosines = vectors @ vector
    best = np.argpartition(-cosines, min(k, len(cosines) - 1))[:k]
    return [int(row) for row in best]


def _placed(random: np.random.Generator, centres: Vectors) -> Vectors:
    own = _drawn(random, len(centres))
    common = np.random.default_rng(_SEED).standard_normal(DIMENSION) * _deviations()
    common *= _COMMON / np.linalg.norm(common)
    vectors = common + np.sqrt(_TOPIC_SHARE) * centres + np.sqrt(1 - _TOPIC_SHARE) * own
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    placed: Vectors = vectors.astype(np.float32)
    return placed


def _drawn(random: np.random.Generator, count: int) -> Vectors:
    drawn = random.standard_normal((count, DIMENSION), dtype=np.float32)
    return drawn * _deviations()


def _deviations() -> Vectors:
    falling = np.arange(1, DIMENSION + 1, dtype=np.float32) ** -_FALL
    unit: Vectors = falling / np.linalg.norm(falling)
    return unit
