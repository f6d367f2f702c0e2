from __future__ import annotations

import pytest
from agentmemory.v1 import memory_pb2
from agentmemory.v1 import memory_service_pb2 as pb
from google.protobuf.struct_pb2 import Struct, Value
from hypothesis import given
from hypothesis import strategies as st

from memory_service.domain.errors import InvalidField
from memory_service.domain.patch import PatchMode
from memory_service.domain.session import Notes
from memory_service.translate import session_data

_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
_NUMBERS = st.floats(allow_nan=False, allow_infinity=False).map(lambda number: number + 0.0)
VALUES = st.recursive(
    st.none() | st.booleans() | _NUMBERS | _TEXT,
    lambda below: st.lists(below, max_size=3) | st.dictionaries(_TEXT, below, max_size=3),
    max_leaves=10,
)
OBJECTS = st.dictionaries(_TEXT, VALUES, max_size=4)


def struct(value: dict) -> Struct:
    found = Struct()
    found.update(value)
    return found


@given(OBJECTS)
def test_any_data_comes_back_as_it_was_given(value: dict):
    data = struct(value)
    notes = session_data.notes(memory_pb2.Session(data=data), "session")
    assert session_data.to_struct(notes.data) == data


def test_no_data_is_not_the_same_as_empty_data():
    assert session_data.notes(memory_pb2.Session(context="x"), "session") == Notes("", "x")
    assert session_data.notes(memory_pb2.Session(data=Struct()), "session") == Notes("{}", "")
    assert session_data.to_struct("") is None
    assert session_data.to_struct("{}") == Struct()


def test_a_value_of_no_kind_is_null():
    data = Struct(fields={"a": Value()})
    assert session_data.notes(memory_pb2.Session(data=data), "session").data == '{"a":null}'


@pytest.mark.parametrize(
    ("session", "path"),
    [
        (memory_pb2.Session(context="ü" * 32 * 1024 + "x"), "session.context"),
        (memory_pb2.Session(data=struct({"a": "ü" * 128 * 1024})), "session.data"),
        (memory_pb2.Session(data=struct({"a": float("nan")})), "session.data"),
        (memory_pb2.Session(data=struct({"a": [float("-inf")]})), "session.data"),
    ],
)
def test_the_field_at_fault_is_named(session: memory_pb2.Session, path: str):
    with pytest.raises(InvalidField) as caught:
        session_data.notes(session, "session")
    assert caught.value.path == path


@pytest.mark.parametrize(
    ("mode", "meant"),
    [
        (pb.PATCH_MODE_UNSPECIFIED, PatchMode.MERGE),
        (pb.PATCH_MODE_MERGE, PatchMode.MERGE),
        (pb.PATCH_MODE_REPLACE, PatchMode.REPLACE),
        (pb.PATCH_MODE_DEEP_MERGE, PatchMode.DEEP_MERGE),
    ],
)
def test_a_patch_is_a_merge_unless_it_says_otherwise(
    mode: pb.PatchMode.ValueType, meant: PatchMode
):
    request = pb.PatchWorkingMemoryDataRequest(data=struct({"a": None}), mode=mode)
    assert session_data.patch(request) == ({"a": None}, meant)


def test_every_mode_of_the_contract_is_known():
    assert set(session_data._MODES) == set(pb.PatchMode.values())


@pytest.mark.parametrize(
    ("request_", "path"),
    [
        (pb.PatchWorkingMemoryDataRequest(), "data"),
        (pb.PatchWorkingMemoryDataRequest(data=struct({"a": float("inf")})), "data"),
        (pb.PatchWorkingMemoryDataRequest(data=struct({"a": "x" * 256 * 1024})), "data"),
        (pb.PatchWorkingMemoryDataRequest(data=Struct(), mode=9), "mode"),  # type: ignore[arg-type]
    ],
)
def test_the_field_of_a_patch_at_fault_is_named(
    request_: pb.PatchWorkingMemoryDataRequest, path: str
):
    with pytest.raises(InvalidField) as caught:
        session_data.patch(request_)
    assert caught.value.path == path


def test_at_most_1000_ranges_can_be_named():
    request = pb.RetryExtractionRequest(first_sequences=range(1, 1001))
    assert session_data.firsts(request) == list(range(1, 1001))
    request.first_sequences.append(1)
    with pytest.raises(InvalidField) as caught:
        session_data.firsts(request)
    assert caught.value.path == "first_sequences"
