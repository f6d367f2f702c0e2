from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from memory_service.domain.failed_ranges import FailedRange, FailedRanges, retried, without

LENGTHS = st.lists(st.tuples(st.integers(0, 3), st.integers(1, 5), st.booleans()), max_size=5)


@st.composite
def ranges(draw: st.DrawFn) -> FailedRanges:
    """Ranges that do not overlap, with gaps or none between them."""
    found, at = [], 1
    for gap, length, retrying in draw(LENGTHS):
        first = at + gap
        found.append(FailedRange(first, first + length - 1, "WHY", first * 10, retrying))
        at = first + length
    return tuple(found)


def messages(of: FailedRanges) -> dict[int, tuple[int, bool]]:
    """Each message that is in a range, with what tells its range from others."""
    return {n: (r.failed, r.retrying) for r in of for n in range(r.first, r.last + 1)}


@given(ranges(), st.integers(1, 30), st.integers(0, 10))
def test_what_is_dealt_with_is_gone_and_nothing_else(of: FailedRanges, first: int, more: int):
    last = first + more
    left = without(of, first, last)
    assert messages(left) == {n: w for n, w in messages(of).items() if not first <= n <= last}
    assert all(each.first <= each.last for each in left)
    assert sum(each.count for each in left) == len(messages(left))


@given(ranges())
def test_without_names_all_ranges_are_tried_again(of: FailedRanges):
    assert retried(of, ()) == tuple(replace(each, retrying=True) for each in of)


@given(ranges(), st.sets(st.integers(1, 30), min_size=1))
def test_only_the_ranges_that_are_named_are_tried_again(of: FailedRanges, firsts: set[int]):
    for before, after in zip(of, retried(of, firsts), strict=True):
        assert after == replace(before, retrying=before.retrying or before.first in firsts)
