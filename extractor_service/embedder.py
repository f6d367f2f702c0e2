"""What an embedding model is to the rest of the extractor: one protocol, no model library."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float32]


class Purpose(enum.Enum):
    """What a text is embedded for: some models put another prompt before each."""

    QUERY = "query"
    DOCUMENT = "document"


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """Which model made a vector, and what it takes.

    Two vectors compare only if name and revision of their models are equal. `revision` is the first
    12 hex digits of the SHA-256 of the weights, so it does not depend on where they were read from.
    `dimension` counts float32 values; a text's tokens beyond `max_tokens` are cut off.
    """

    name: str
    revision: str
    dimension: int
    max_tokens: int
    device: str
    dtype: str


class Embedder(Protocol):
    """Turns texts into vectors; called from one thread at a time, and may block."""

    @property
    def info(self) -> ModelInfo:
        """The model behind this embedder."""
        ...

    def encode(self, texts: Sequence[str], purpose: Purpose) -> Vectors:
        """One float32 row of unit length for each text, in order: shape (len(texts), dimension)."""
        ...

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """How many tokens of the model's vocabulary each text is, special ones not counted."""
        ...
