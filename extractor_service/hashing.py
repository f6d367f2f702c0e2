"""An embedder without a model, for tests and for trying the service: it knows words, no meaning."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence

import numpy as np

from extractor_service.embedder import ModelInfo, Purpose, Vectors

DIMENSION = 384
MAX_DIMENSION = 512
MAX_WORDS = 256

_WORD = re.compile(r"\w+")


class HashingEmbedder:
    """Texts with words in common are near, whatever the words mean; the same on every machine.

    A word is the vector of +1 and -1 that the bits of its BLAKE2b digest spell out, and a text the
    normalised sum of its words. Two random words meet at a cosine of 0 +/- 0.05 (one over the root
    of the dimension), so the cosine of two texts is about the share of words they have in common.
    """

    def __init__(self, dimension: int = DIMENSION) -> None:
        """Make vectors of this length, a multiple of 8 up to 512. Raises ValueError."""
        if dimension % 8 or not 0 < dimension <= MAX_DIMENSION:
            raise ValueError("the length of hashed vectors is a multiple of 8 up to 512")
        name = "hash" if dimension == DIMENSION else f"hash:{dimension}"
        self.info = ModelInfo(name, "1", dimension, MAX_WORDS, "cpu", "float32")

    def encode(self, texts: Sequence[str], purpose: Purpose) -> Vectors:
        """As `Embedder.encode`; queries and documents are embedded alike."""
        dimension = self.info.dimension
        rows = np.empty((len(texts), dimension), dtype=np.float32)
        for row, text in zip(rows, texts, strict=True):
            # A text without words counts as the empty word: no vector may have length zero.
            words = _WORD.findall(text.casefold())[:MAX_WORDS] or [""]
            row[:] = np.sum([_signs(word, dimension) for word in words], axis=0)
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        return rows

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """As `Embedder.count_tokens`: a word is a token, and punctuation is none."""
        return [len(_WORD.findall(text)) for text in texts]


def _signs(word: str, dimension: int) -> Vectors:
    digest = hashlib.blake2b(word.encode(errors="replace"), digest_size=dimension // 8).digest()
    bits = np.unpackbits(np.frombuffer(digest, dtype=np.uint8))
    return bits.astype(np.float32) * 2 - 1
