"""Counting tokens, with a vocabulary that comes with its package: nothing is downloaded."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import Protocol

DEFAULT_ENCODING = "o200k_base"
"""What OpenAI's models have used since GPT-4o. No other vendor's tokens are the same."""

PIECE = 16_384
"""Characters counted at a time: the library keeps the interpreter to itself until it is done,
which takes about 10 ms for the worst of texts, and refuses texts of a million characters."""

_PIECES = re.compile(rf".{{1,{PIECE}}}(?:(?<=\S)(?= )|\Z)|.{{1,{PIECE}}}", re.DOTALL)
"""The longest pieces that end with a word: the patterns by which o200k and cl100k take texts apart
let no token span the end of a word and the space after it, so that this changes no count."""


class TokenCounter(Protocol):
    """Tells how many tokens a text is."""

    def count(self, text: str) -> int:
        """Return the number of tokens of `text`, whatever it holds."""
        ...


class BpeTokenCounter:
    """Counts as OpenAI's models do. A special token's name in a text is text like any other.

    Making one takes about a second and 150 MB, so it is made once and shared. Threads may share it.
    """

    def __init__(self, encoding: str = DEFAULT_ENCODING) -> None:
        import bpe_openai  # Heavy: a process that counts nothing does without.

        self._encoding = bpe_openai.get_encoding(encoding)

    def count(self, text: str) -> int:
        """Return the number of tokens of `text`.

        A run of more than PIECE characters without a space may count a token more or less for
        each PIECE. A lone surrogate counts as the replacement character.
        """
        return sum(len(self._encoding.encode_ordinary(piece)) for piece in _PIECES.findall(text))


class CounterOnDemand:
    """One counter for all who count, made when it is first needed."""

    def __init__(self, new_counter: Callable[[], TokenCounter] = BpeTokenCounter) -> None:
        self._new_counter = new_counter
        self._counter: TokenCounter | None = None
        self._making = asyncio.Lock()

    async def get(self) -> TokenCounter:
        """Return the counter."""
        async with self._making:
            if self._counter is None:
                self._counter = await asyncio.to_thread(self._new_counter)
            return self._counter
