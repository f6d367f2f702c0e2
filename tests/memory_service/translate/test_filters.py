from __future__ import annotations

import math
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from agentmemory.v1 import memory_pb2 as pb
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given
from hypothesis import strategies as st

from memory_service.domain.errors import InvalidField
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
from memory_service.translate import filters

NASTY = 'a*|}{@"\\ -)('


def equals(value: str, field: pb.TagField.ValueType = pb.TAG_FIELD_TOPIC) -> pb.Condition:
    return pb.Condition(tag=pb.TagCondition(field=field, equals=value))


def any_of(*values: str) -> pb.Condition:
    match = pb.StringList(values=values)
    return pb.Condition(tag=pb.TagCondition(field=pb.TAG_FIELD_ENTITY, any_of=match))


def nested(depth: int) -> pb.Filter:
    inner = pb.Filter(must=[equals("a")])
    for _ in range(depth - 1):
        inner = pb.Filter(must=[pb.Condition(filter=inner)])
    return inner


def fault(given: pb.Filter) -> str:
    with pytest.raises(InvalidField) as caught:
        filters.from_proto(given, "filter")
    return caught.value.path


def test_an_empty_filter_is_empty():
    assert filters.from_proto(pb.Filter(), "filter") == Filter()


def test_each_condition_keeps_its_place_its_field_and_its_values():
    time = pb.TimeRange(field=pb.TIME_FIELD_EVENT_TIME, end=Timestamp(seconds=2, nanos=5000))
    all_of = pb.TagCondition(field=pb.TAG_FIELD_TOPIC, all_of=pb.StringList(values=["a", "b"]))
    given = pb.Filter(
        must=[equals(NASTY), pb.Condition(tag=all_of)],
        should=[any_of("x", "y", "x")],
        must_not=[pb.Condition(time=time), pb.Condition(filter=pb.Filter(must=[equals("z")]))],
    )
    assert filters.from_proto(given, "filter") == Filter(
        must=(AnyOf(TagField.TOPIC, (NASTY,)), AllOf(TagField.TOPIC, ("a", "b"))),
        should=(AnyOf(TagField.ENTITY, ("x", "y")),),
        must_not=(
            TimeRange(TimeField.EVENT_TIME, None, 2_000_005),
            Filter(must=(AnyOf(TagField.TOPIC, ("z",)),)),
        ),
    )


def test_every_field_of_the_contract_has_its_own_in_the_domain():
    tags = [value for value in pb.TagField.values() if value]
    found = [filters.from_proto(pb.Filter(must=[equals("a", tag)]), "filter") for tag in tags]
    assert {f.must[0].field for f in found} == set(TagField)
    times = [value for value in pb.TimeField.values() if value]
    ranges = [pb.TimeRange(field=time, start=Timestamp()) for time in times]
    found = [
        filters.from_proto(pb.Filter(must=[pb.Condition(time=time)]), "filter") for time in ranges
    ]
    assert {f.must[0].field for f in found} == set(TimeField)
    assert {f.must[0].start for f in found} == {0}


def prefix(value: str, field: pb.TagField.ValueType = pb.TAG_FIELD_TOPIC) -> pb.Condition:
    return pb.Condition(tag=pb.TagCondition(field=field, prefix=value))


def confidence(**bounds: float) -> pb.Condition:
    field = pb.NUMBER_FIELD_CONFIDENCE
    return pb.Condition(number=pb.NumberCondition(field=field, range=pb.NumberRange(**bounds)))


def metadata(*path: str, **match: Any) -> pb.Condition:
    return pb.Condition(metadata=pb.MetadataCondition(path=path, **match))


def exists(**field: Any) -> pb.Condition:
    return pb.Condition(exists=pb.Presence(**field))


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (prefix("x" * 32), Prefix(TagField.TOPIC, "x" * 32)),
        (confidence(min=0.25), NumberRange(NumberField.CONFIDENCE, 0.25, None)),
        (confidence(min=0, max=1e300), NumberRange(NumberField.CONFIDENCE, 0.0, float("inf"))),
        (confidence(min=math.inf), NumberRange(NumberField.CONFIDENCE, 2.0, None)),
        (confidence(min=1e39, max=-1e300), NumberRange(NumberField.CONFIDENCE, 2.0, -1.0)),
        (exists(tag=pb.TAG_FIELD_ENTITY_KIND), Has(TagField.ENTITY_KIND)),
        (exists(time=pb.TIME_FIELD_VALID_TO), Has(TimeField.VALID_TO)),
        (pb.Condition(pinned=True), Pinned(True)),
        (pb.Condition(pinned=False), Pinned(False)),
        (pb.Condition(untrusted=False), Untrusted(False)),
        (exists(tag=pb.TAG_FIELD_SLOT), Has(TagField.SLOT)),
        (metadata("a", "", exists=True), MetadataHas(("a", ""))),
        (metadata("a", exists=False), Filter(must_not=(MetadataHas(("a",)),))),
        (metadata("a", equals=""), MetadataAnyOf(("a",), ("",))),
        (
            metadata("a", any_of=pb.StringList(values=["", "b", ""])),
            MetadataAnyOf(("a",), ("", "b")),
        ),
        (metadata("a", **{"is": False}), MetadataIs(("a",), False)),
        (metadata("a", range=pb.NumberRange(max=-0.5)), MetadataRange(("a",), None, -0.5)),
        (metadata(*["n" * 16] * 16, exists=True), MetadataHas(("n" * 16,) * 16)),
    ],
)
def test_each_kind_of_condition_is_taken(condition: pb.Condition, expected: Condition):
    assert filters.from_proto(pb.Filter(must=[condition]), "filter") == Filter(must=(expected,))


def test_a_bound_of_a_confidence_is_as_exact_as_a_confidence():
    stored = pb.Memory(confidence=0.9).confidence
    given = pb.Filter(must=[confidence(min=0.9, max=0.9)])
    assert filters.from_proto(given, "filter").must[0] == NumberRange(
        NumberField.CONFIDENCE, stored, stored
    )
    assert stored != 0.9


@pytest.mark.parametrize(
    ("condition", "path"),
    [
        (pb.Condition(), ""),
        (prefix(""), ".tag.prefix"),
        (prefix("x" * 33), ".tag.prefix"),
        (prefix("s", pb.TAG_FIELD_TYPE), ".tag.prefix"),
        (prefix("1", pb.TAG_FIELD_MESSAGE_ID), ".tag.prefix"),
        (pb.Condition(number=pb.NumberCondition(range=pb.NumberRange(min=0))), ".number.field"),
        (confidence(), ".number.range"),
        (confidence(min=0, max=float("nan")), ".number.range.max"),
        (exists(), ".exists"),
        (exists(tag=pb.TAG_FIELD_UNSPECIFIED), ".exists.tag"),
        (exists(time=99), ".exists.time"),
        (metadata(exists=True), ".metadata.path"),
        (metadata(*["n"] * 17, exists=True), ".metadata.path"),
        (metadata("n" * 128, "m" * 129, exists=True), ".metadata.path"),
        (metadata("n"), ".metadata"),
        (metadata("n", equals="x" * 257), ".metadata.equals"),
        (metadata("n", any_of=pb.StringList()), ".metadata.any_of.values"),
        (metadata("n", any_of=pb.StringList(values=["x"] * 65)), ".metadata.any_of.values"),
        (
            metadata("n", any_of=pb.StringList(values=["x", "x" * 257])),
            ".metadata.any_of.values[1]",
        ),
        (metadata("n", range=pb.NumberRange()), ".metadata.range"),
        (metadata("n", range=pb.NumberRange(min=float("nan"))), ".metadata.range.min"),
        (equals(""), ".tag.equals"),
        (equals("x" * 257), ".tag.equals"),
        (equals("x", pb.TAG_FIELD_UNSPECIFIED), ".tag.field"),
        (equals("x", 99), ".tag.field"),
        (pb.Condition(tag=pb.TagCondition(field=pb.TAG_FIELD_ID)), ".tag"),
        (any_of(), ".tag.any_of.values"),
        (any_of(*map(str, range(65))), ".tag.any_of.values"),
        (any_of("a", ""), ".tag.any_of.values[1]"),
        (pb.Condition(time=pb.TimeRange(start=Timestamp())), ".time.field"),
        (pb.Condition(time=pb.TimeRange(field=pb.TIME_FIELD_CREATE_TIME)), ".time"),
        (
            pb.Condition(
                time=pb.TimeRange(field=pb.TIME_FIELD_CREATE_TIME, end=Timestamp(nanos=-1))
            ),
            ".time.end",
        ),
        (pb.Condition(filter=pb.Filter(should=[equals("")])), ".filter.should[0].tag.equals"),
    ],
)
def test_the_condition_at_fault_is_named(condition: pb.Condition, path: str):
    assert fault(pb.Filter(must=[equals("a"), condition])) == f"filter.must[1]{path}"
    assert fault(pb.Filter(must_not=[condition])) == f"filter.must_not[0]{path}"


def test_filters_nest_eight_deep_and_no_deeper():
    deepest = filters.from_proto(nested(8), "filter")
    for _ in range(7):
        (deepest,) = deepest.must
    assert deepest == Filter(must=(AnyOf(TagField.TOPIC, ("a",)),))
    assert fault(nested(9)) == "filter" + ".must[0].filter" * 8


def test_a_tree_has_sixty_four_conditions_and_no_more():
    wide = [equals("a")] * 31
    inner = pb.Condition(filter=pb.Filter(should=wide))
    assert filters.from_proto(pb.Filter(must=[*wide, equals("b"), inner]), "filter")
    assert fault(pb.Filter(must=[*wide, equals("b"), equals("c"), inner])) == "filter"


@pytest.mark.parametrize("below", [equals("a"), pb.Condition(filter=nested(3))])
def test_a_tree_that_is_too_large_is_not_read_to_its_end(below: pb.Condition):
    read = 0

    def conditions() -> Iterator[pb.Condition]:
        nonlocal read
        for _ in range(1000):
            read += 1
            yield below

    given: Any = SimpleNamespace(must=conditions(), should=[], must_not=[])
    assert fault(given) == "filter"
    assert read <= filters.MAX_CONDITIONS + 1


names = st.text(min_size=1, max_size=8)
leaves = st.builds(equals, names) | st.lists(names, min_size=1, max_size=3).map(
    lambda values: any_of(*values)
)
trees = st.recursive(
    leaves,
    lambda inner: st.lists(inner, min_size=1, max_size=3).map(
        lambda conditions: pb.Condition(filter=pb.Filter(must=conditions))
    ),
    max_leaves=12,
)


def depth(condition: Condition) -> int:
    return 1 + max(map(depth, condition.must)) if isinstance(condition, Filter) else 0


def leaf_count(condition: Condition) -> int:
    return sum(map(leaf_count, condition.must)) if isinstance(condition, Filter) else 1


def proto_leaves(condition: pb.Condition) -> int:
    if condition.WhichOneof("kind") != "filter":
        return 1
    return sum(map(proto_leaves, condition.filter.must))


@given(trees)
def test_any_tree_is_taken_whole_or_refused_by_path(tree: pb.Condition):
    try:
        found = filters.from_proto(pb.Filter(must=[tree]), "filter")
    except InvalidField as error:
        assert error.path.startswith("filter")  # noqa: PT017 - most trees are taken
        return
    assert depth(found) <= filters.MAX_DEPTH
    assert leaf_count(found) == proto_leaves(tree)
