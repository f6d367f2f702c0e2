"""What a reranking model is to the rest of the extractor: one protocol, no model library."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from extractor_service.embedder import ModelInfo

Pair = tuple[str, str]
"""A query and a text."""

Scores = npt.NDArray[np.float64]


class Reranker(Protocol):
    """Reads query and text together; called from one thread at a time, and may block."""

    @property
    def info(self) -> ModelInfo:
        """The model behind this reranker; its dimension is 0."""
        ...

    def scores(self, pairs: Sequence[Pair]) -> Scores:
        """How well each text answers its query, 0 to 1: shape (len(pairs),), in their order."""
        ...
