"""Word lists, written as one reads them."""

from __future__ import annotations


def word_set(text: str) -> frozenset[str]:
    """The words of `text`, in no order."""
    return frozenset(text.split())


def word_list(text: str) -> tuple[str, ...]:
    """The words of `text`, as they stand."""
    return tuple(text.split())
