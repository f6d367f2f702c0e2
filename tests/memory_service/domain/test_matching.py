from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory_service.domain.filters import (
    AllOf,
    AnyOf,
    Condition,
    Filter,
    Has,
    MetadataAnyOf,
    MetadataHas,
    MetadataIs,
    MetadataRange,
    NumberField,
    NumberRange,
    Pinned,
    Prefix,
    TagField,
    TimeField,
    TimeRange,
    Untrusted,
)
from memory_service.domain.matching import in_view, matches
from memory_service.domain.memory import Entity, EventTime, Precision, Source
from memory_service.domain.search import View
from tests.support.filters import FILTERS, filters_of
from tests.support.memories import make

EMPTY = make("m")
FULL = replace(
    make("memory-1", topics=["food", "a b"], created=10, updated=20),
    entities=(Entity("Alice", "person"), Entity("Bonn", "")),
    event_time=EventTime(-5, Precision.DAY),
    sources=(Source("s1", "7"), Source("s2", "")),
    confidence=0.5,
    extractor="rules/1",
    pinned=True,
    slot="alice|home",
    untrusted=True,
    valid_from=0,
    valid_to=100,
    superseded=50,
    metadata=json.dumps(
        {"plan": "gold", "": 0, "in": {"eur": [1, 2.5, "x"], "on": True, "no": None}, "e": []}
    ),
)

TRUE = [
    AnyOf(TagField.ID, ("x", "memory-1")),
    AnyOf(TagField.TYPE, ("semantic",)),
    AnyOf(TagField.ENTITY_KIND, ("person",)),
    AnyOf(TagField.MESSAGE_ID, ("7",)),
    AnyOf(TagField.EXTRACTOR, ("rules/1",)),
    AllOf(TagField.SESSION_ID, ("s1", "s2")),
    AllOf(TagField.TOPIC, ("a b", "food")),
    Prefix(TagField.TOPIC, "foo"),
    Prefix(TagField.ENTITY, "B"),
    TimeRange(TimeField.EVENT_TIME, -5, -4),
    TimeRange(TimeField.CREATE_TIME, None, 11),
    TimeRange(TimeField.UPDATE_TIME, 20),
    TimeRange(TimeField.VALID_FROM, 0, 1),
    TimeRange(TimeField.VALID_TO, 100),
    TimeRange(TimeField.SUPERSEDE_TIME, 50, 51),
    NumberRange(NumberField.CONFIDENCE, 0.5, 0.5),
    *(Has(field) for field in (*TagField, *TimeField)),
    Pinned(True),
    Untrusted(True),
    AnyOf(TagField.SLOT, ("alice|home",)),
    MetadataHas(("plan",)),
    MetadataHas(("in", "eur")),
    MetadataHas(("in", "no")),
    MetadataHas(("in",)),
    MetadataAnyOf(("in", "eur"), ("y", "x")),
    MetadataIs(("in", "on"), True),
    MetadataRange(("in", "eur"), 2.5, None),
    MetadataRange(("",), -0.0, 0.0),
    Filter(),
    Filter(must=(Pinned(True),), should=(Pinned(False), Pinned(True)), must_not=(Pinned(False),)),
]
FALSE = [
    AnyOf(TagField.ENTITY_KIND, ("",)),
    AnyOf(TagField.MESSAGE_ID, ("",)),
    AllOf(TagField.TOPIC, ("food", "x")),
    Prefix(TagField.TOPIC, "ood"),
    TimeRange(TimeField.EVENT_TIME, -4),
    TimeRange(TimeField.EVENT_TIME, None, -5),
    NumberRange(NumberField.CONFIDENCE, 0.51, None),
    NumberRange(NumberField.CONFIDENCE, None, 0.49),
    Pinned(False),
    MetadataHas(("e",)),
    MetadataHas(("in", "eur", "x")),
    MetadataAnyOf(("plan",), ("Gold", "")),
    MetadataAnyOf(("in", "eur"), ("1",)),
    MetadataIs(("in", "on"), False),
    MetadataIs(("in", "no"), False),
    MetadataIs(("",), False),
    MetadataRange(("in", "on"), 0.0, 1.0),
    MetadataRange(("in", "eur"), 1.5, 2.0),
    Filter(should=(Pinned(False),)),
    Filter(must_not=(Pinned(False), Pinned(True))),
]


@pytest.mark.parametrize("condition", TRUE, ids=repr)
def test_what_a_memory_is(condition: Condition) -> None:
    assert matches(condition, FULL)


@pytest.mark.parametrize("condition", FALSE, ids=repr)
def test_what_a_memory_is_not(condition: Condition) -> None:
    assert not matches(condition, FULL)


def test_what_a_memory_lacks_matches_nothing() -> None:
    always = {TagField.ID, TagField.TYPE, TimeField.CREATE_TIME, TimeField.UPDATE_TIME}
    for field in (*TagField, *TimeField):
        assert matches(Has(field), EMPTY) == (field in always)
    for time in set(TimeField) - always:
        assert not matches(TimeRange(time, -(2**60), 2**60), EMPTY)
    assert not matches(MetadataHas(("plan",)), EMPTY)
    assert matches(Pinned(False), EMPTY)
    assert matches(Untrusted(False), EMPTY)


@pytest.mark.parametrize(
    ("view", "expected"),
    [
        (View(), True),
        (View(current=60), False),
        (View(known=49, current=49), True),
        (View(known=50, current=50), False),
        (View(known=50), True),
        (View(known=9), False),
        (View(known=10), True),
        (View(true=0), True),
        (View(true=-1), False),
        (View(true=99), True),
        (View(true=100), False),
        (View(known=49, true=100), False),
    ],
)
def test_which_times_a_memory_counts_at(view: View, expected: bool) -> None:
    assert in_view(FULL, view) == expected


@pytest.mark.parametrize(
    ("view", "expected"),
    [
        (View(true=100), False),
        (View(known=49, true=100), True),
        (View(known=50, true=100), False),
        (View(known=49, true=-1), False),
        (View(known=30, current=30), True),
        (View(known=60, current=60), False),
    ],
)
def test_an_end_that_was_learned_later_was_not_known_before(view: View, expected: bool) -> None:
    assert in_view(replace(FULL, end_learned=True), view) == expected


def test_what_is_over_is_not_current() -> None:
    over = replace(EMPTY, valid_to=100)
    assert [in_view(over, View(current=now)) for now in (99, 100)] == [True, False]
    assert in_view(over, View())
    assert in_view(replace(EMPTY, valid_from=100), View(current=5))


@given(filters_of(st.recursive(st.just(Filter()), filters_of, max_leaves=6)))
def test_a_filter_of_filters_alone_is_empty_if_it_matches_what_there_is(tree: Filter):
    assert tree.empty == matches(tree, FULL)


@given(FILTERS)
def test_an_empty_filter_matches_everything(tree: Filter):
    assert not tree.empty or (matches(tree, FULL) and matches(tree, EMPTY))
