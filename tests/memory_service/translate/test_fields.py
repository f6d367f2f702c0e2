from __future__ import annotations

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given
from hypothesis import strategies as st

from memory_service.domain.errors import InvalidField
from memory_service.translate import fields

YEAR_1 = -62_135_596_800
YEAR_9999_ENDS = 253_402_300_799


def refused(path: str):
    return pytest.raises(InvalidField, match=f"^{path}: ")


@given(st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=fields.MAX_ID))
def test_an_identifier_is_any_text_without_control_characters(value: str):
    assert fields.identifier(value, "id") == value


@pytest.mark.parametrize("value", ["a\nb", "\0", "\x7f", "\x85", "x" * 129])
def test_an_identifier_is_refused_with_its_path(value: str):
    with refused("scope.user_id"):
        fields.identifier(value, "scope.user_id")


def test_what_is_required_must_be_there():
    with refused("id"):
        fields.identifier("", "id", required=True)
    with refused("name"):
        fields.name("", "name", required=True)
    with refused("text"):
        fields.text(" \n\t", "text", max_bytes=10, required=True)
    assert fields.identifier("", "id") == fields.name("", "name") == ""
    assert fields.text(" ", "text", max_bytes=10) == " "


def test_a_name_is_counted_in_characters_and_a_text_in_bytes():
    assert fields.name("ü" * 256, "name")
    with refused("name"):
        fields.name("ü" * 257, "name")
    assert fields.text("ü" * 5, "text", max_bytes=10)
    with refused("text"):
        fields.text("ü" * 5 + "x", "text", max_bytes=10)


@pytest.mark.parametrize(("value", "good"), [(0, False), (1, True), (9, True), (10, False)])
def test_bounds_are_inclusive(value: int, good: bool):
    if good:
        assert fields.count(value, "limit", least=1, most=9) == value
        fields.size([0] * value, "items", least=1, most=9)
        return
    with refused("limit"):
        fields.count(value, "limit", least=1, most=9)
    with refused("items"):
        fields.size([0] * value, "items", least=1, most=9)


@given(st.integers(YEAR_1 * 1_000_000, YEAR_9999_ENDS * 1_000_000 + 999_999))
def test_any_microsecond_of_years_1_to_9999_comes_back(value: int):
    assert fields.micros(fields.timestamp(value), "time") == value


@pytest.mark.parametrize(
    "value",
    [
        Timestamp(seconds=YEAR_1 - 1),
        Timestamp(seconds=YEAR_9999_ENDS + 1),
        Timestamp(seconds=2**62),
        Timestamp(seconds=-(2**63)),
        Timestamp(nanos=-1),
        Timestamp(nanos=10**9),
    ],
)
def test_a_time_out_of_range_is_refused(value: Timestamp):
    with refused("memories\\[0\\].event_time.time"):
        fields.micros(value, "memories[0].event_time.time")


def test_nanoseconds_are_cut_to_the_microsecond():
    assert fields.micros(Timestamp(seconds=1, nanos=1_999), "time") == 1_000_001
