"""Of memories that say nearly the same, keep the best. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from memory_service.domain.ranking import Ranked

ALIKE = 0.8
"""The share of all their words that two memories have in common, from which on they are alike.

"Alice lives in Berlin." and "Alice lives in Berlin now." are; an "ok" and an "ok!" are.
"""


def collapsed(ranked: Iterable[Ranked]) -> Iterator[Ranked]:
    """Yield, in their order, those that are not alike one that came before."""
    kept: list[frozenset[str]] = []
    for each in ranked:
        words = frozenset(each.found.words)
        if not any(_alike(words, other) for other in kept):
            kept.append(words)
            yield each


def _alike(one: frozenset[str], other: frozenset[str]) -> bool:
    """Jaccard's index of the two sets; what has no words is like nothing."""
    both = len(one & other)
    return both > 0 and both / len(one | other) >= ALIKE
