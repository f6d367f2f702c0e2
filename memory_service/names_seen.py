"""Who talks with owners, as it was when it was last read: a search begins with a guess.

The names are read again in every search, and a search that guessed wrong understands its query
anew: nothing that is told depends on what is kept here.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from memory_service.domain.owner import Owner

MOST = 10_000
"""Owners that are remembered."""

GOOD_SECONDS = 60.0
"""How long, from the last search on: names of those who were erased do not stay."""

Names = frozenset[str]


@dataclass(frozen=True, slots=True)
class Counted:
    """How often names were known, or not, and of how many owners they are."""

    hits: int
    misses: int
    currsize: int


class NamesSeen:
    """The names of the owners who were searched last."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seen: dict[tuple[Owner, ...], tuple[float, Names]] = {}
        self._known = self._unknown = 0

    def of(self, owners: Sequence[Owner]) -> Names | None:
        """Return who talked with these owners, None if that is not known."""
        when, names = self._seen.get(tuple(owners), (float("-inf"), None))
        if names is None or self._clock() - when >= GOOD_SECONDS:
            self._unknown += 1
            return None
        self._known += 1
        return names

    def cache_info(self) -> Counted:
        """Return what was counted so far, as `functools.lru_cache` does."""
        return Counted(self._known, self._unknown, len(self._seen))

    def note(self, owners: Sequence[Owner], names: Names) -> None:
        """Remember who talks with these owners, and forget whom nobody asked about for long."""
        now = self._clock()
        self._seen.pop(tuple(owners), None)
        self._seen[tuple(owners)] = (now, names)
        while len(self._seen) > MOST or now - next(iter(self._seen.values()))[0] >= GOOD_SECONDS:
            del self._seen[next(iter(self._seen))]
