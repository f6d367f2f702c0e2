"""Word lists, written as one reads them, and what the spelling of a word tells."""

from __future__ import annotations


def word_set(text: str) -> frozenset[str]:
    """The words of `text`, in no order."""
    return frozenset(text.split())


def has_digit(word: str) -> bool:
    """ "25k", "9:30", "LS6", of which the tokenizer takes half for no numbers."""
    return any(char.isdigit() for char in word)


def word_list(text: str) -> tuple[str, ...]:
    """The words of `text`, as they stand."""
    return tuple(text.split())
