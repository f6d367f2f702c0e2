"""Messages that could not be extracted, and what becomes of them when they are tried again."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class FailedRange:
    """Messages [first, last] that could not be extracted, and the extractor's reason.

    While `retrying` they wait to be extracted again.
    """

    first: int
    last: int
    reason: str
    failed: int
    retrying: bool = False

    @property
    def count(self) -> int:
        """How many messages it is."""
        return self.last - self.first + 1


FailedRanges = tuple[FailedRange, ...]


def retried(ranges: FailedRanges, firsts: Collection[int]) -> FailedRanges:
    """Return `ranges` with those that begin at one of `firsts` put back; all if there are none."""
    return tuple(
        replace(each, retrying=True) if not firsts or each.first in firsts else each
        for each in ranges
    )


def without(ranges: FailedRanges, first: int, last: int) -> FailedRanges:
    """Return `ranges` after [first, last] has been dealt with: what is left of each."""
    return tuple(left for each in ranges for left in _left(each, first, last))


def _left(each: FailedRange, first: int, last: int) -> Iterator[FailedRange]:
    if last < each.first or first > each.last:
        yield each
        return
    if each.first < first:
        yield replace(each, last=first - 1)
    if last < each.last:
        yield replace(each, first=last + 1)
