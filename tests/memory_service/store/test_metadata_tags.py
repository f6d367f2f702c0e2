from __future__ import annotations

import json
import math
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from memory_service.domain.filters import MetadataRange
from memory_service.domain.metadata import MAX_LEAVES, Leaf, leaves
from memory_service.store.metadata_tags import (
    LONGEST_KEY,
    boolean,
    key,
    metadata_tags,
    numbers,
    string,
    wanted,
)
from memory_service.store.tags import NEVER, SEPARATOR

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
PATHS = st.lists(TEXT, min_size=1, max_size=4).map(tuple)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
BOUNDS = st.none() | st.floats(allow_nan=False)


def tags(value: object) -> list[str]:
    return list(metadata_tags(leaves(json.dumps(value))))


@given(NUMBERS, BOUNDS, BOUNDS)
@example(0.0, -0.0, -0.0)
@example(-0.0, 0.0, None)
@example(5e-324, 0.0, None)
@example(-5e-324, None, -0.0)
@example(1.7976931348623157e308, None, math.inf)
@example(16.0, 15.5, 16.0)
def test_a_number_has_a_tag_of_a_range_exactly_if_it_is_in_it(
    number: float, low: float | None, high: float | None
) -> None:
    inside = (low is None or low <= number) and (high is None or number <= high)
    has = set(metadata_tags([Leaf(("k",), number)]))
    assert bool(has & set(numbers(("k",), low, high))) == inside


@given(BOUNDS, BOUNDS)
@example(-1.1234567890123457e-300, 1.7976931348623155e308)
def test_a_range_is_a_few_hundred_tags_at_most(low: float | None, high: float | None) -> None:
    found = numbers(("k",), low, high)
    assert 0 < len(found) <= 500
    assert len(found) == len(set(found))


@given(NUMBERS)
def test_a_number_has_no_more_tags_than_digits_and_an_end(number: float) -> None:
    found = list(metadata_tags([Leaf(("k",), number)]))
    assert len(found) <= 1 + 16
    assert len(found) == len(set(found))


def test_small_integers_need_few_tags() -> None:
    assert [len(tags({"k": n})) - 1 for n in (0, 1, -1, 2, 5, 100)] == [2, 4, 4, 2, 5, 5]


def test_numbers_sort_by_their_digits() -> None:
    sorted_ = [-1e300, -2.0, -1.0, -5e-324, 0.0, 5e-324, 1e-10, 0.5, 1.0, 15.0, 16.0, 1e22]
    longest = [max(metadata_tags([Leaf(("k",), n)]), key=len).strip("k#$") for n in sorted_]
    assert all(one.ljust(16, "0") < other.ljust(16, "0") for one, other in pairwise(longest))


@given(PATHS, PATHS)
@example(("a", "b"), ("a.b",))
@example(("a", "b"), ("a/b",))
@example(("",), ("", ""))
@example(("x" * 300,), ("x" * 301,))
def test_two_paths_have_the_same_key_only_if_they_are_the_same(
    one: tuple[str, ...], other: tuple[str, ...]
) -> None:
    assert (key(one) == key(other)) == (one == other)
    assert len(key(one)) <= max(LONGEST_KEY, 34)


@given(PATHS, TEXT, st.booleans(), NUMBERS)
def test_no_tag_means_two_things(
    path: tuple[str, ...], text: str, truth: bool, number: float
) -> None:
    of_number = set(metadata_tags([Leaf(path, number)])) - {key(path[:n]) for n in range(1, 9)}
    found = [key(path), string(path, text), boolean(path, truth), *of_number]
    assert len(found) == len(set(found))
    assert NEVER not in found
    assert SEPARATOR not in "".join(found)


def test_there_is_a_tag_for_each_object_on_the_way_and_each_value() -> None:
    value = {"a": {"b": "x y", "c": None}, "l": [True, {"d": "ü"}, []], "e": {}}
    assert set(tags(value)) == {
        *("a", "a/b", "a/b=x%20y", "a/c"),
        *("l", "l!1", "l/d", "l/d=%C3%BC"),
    }


def test_the_first_leaves_in_the_order_of_their_keys_are_indexed_and_no_more() -> None:
    many = {f"k{n:03}": [1, "s"] for n in reversed(range(100))}
    found = leaves(json.dumps(many))
    assert len(found) == MAX_LEAVES
    assert [leaf.path[0] for leaf in found] == [f"k{n // 2:03}" for n in range(MAX_LEAVES)]
    assert leaves("") == []


@pytest.mark.parametrize(("low", "high"), [(1.0, 0.0), (math.inf, 1.0), (5e-324, 0.0)])
def test_a_range_without_numbers_has_a_tag_that_no_memory_has(low: float, high: float) -> None:
    assert wanted(MetadataRange(("k",), low, high)) == [NEVER]
