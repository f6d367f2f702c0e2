from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from memory_service.domain.filters import TagField
from memory_service.store.prefixes import LONGEST, by_place, prefix_tags, presence, whole
from memory_service.store.tags import NEVER, SEPARATOR

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=6) | st.sampled_from(
    ["a", "ab", "abc", "b", "ba", "%61", "A"]
)
VALUES = st.lists(TEXT, max_size=3)
WITH_PREFIXES = [f for f in TagField if f not in (TagField.TYPE, TagField.MESSAGE_ID)]


def has(values: list[str], prefix: str, field: TagField = TagField.TOPIC) -> bool:
    """What a query for the prefix finds."""
    tags = set(prefix_tags(field, values))
    return set(by_place(field, prefix)) <= tags or whole(field, prefix) in tags


@given(VALUES, TEXT.filter(bool))
@example(["ab", "ba"], "aa")
@example(["ab", "ab"], "ab")
@example(["x" * 40, "y"], "x" * LONGEST)
@example(["x" * 40], "x" * LONGEST)
@example(["🍕" * 40, "🍕" * 31 + "y"], "🍕" * LONGEST)
def test_a_prefix_is_found_exactly_where_a_value_begins_with_it(
    values: list[str], prefix: str
) -> None:
    assert has(values, prefix) == any(value.startswith(prefix) for value in values)


@given(VALUES.filter(bool), VALUES.filter(bool), st.permutations(WITH_PREFIXES))
def test_two_fields_share_no_tag(one: list[str], other: list[str], fields: list[TagField]) -> None:
    of_one, of_other = set(prefix_tags(fields[0], one)), set(prefix_tags(fields[1], other))
    assert not of_one & of_other
    assert SEPARATOR not in "".join(of_one)
    assert NEVER not in of_one


def test_a_field_with_a_value_is_there_and_one_without_is_not() -> None:
    letters = {presence(field) for field in TagField}
    assert len(letters) == len(TagField)
    for field in TagField:
        assert presence(field) in prefix_tags(field, ["x", ""])
        assert list(prefix_tags(field, [])) == []


@pytest.mark.parametrize("field", [TagField.TYPE, TagField.MESSAGE_ID])
def test_some_fields_have_no_prefixes(field: TagField) -> None:
    assert list(prefix_tags(field, ["abc", "abd"])) == [presence(field)]


def test_a_long_value_costs_no_more_than_its_first_characters() -> None:
    assert len(list(prefix_tags(TagField.ID, ["x" * 128]))) == 1 + LONGEST
