from __future__ import annotations

import pytest
from agentmemory.v1 import memory_pb2 as pb
from google.protobuf.struct_pb2 import Struct
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given
from hypothesis import strategies as st

from memory_service.domain.errors import InvalidField
from memory_service.domain.owner import SessionRef
from memory_service.domain.session import Message, NewMessage, Role, Session, ToolCall
from memory_service.store import messages as log
from memory_service.translate import messages, structs
from tests.support.memories import ALICE


def fault(*given: pb.Message) -> str:
    with pytest.raises(InvalidField) as caught:
        messages.from_protos(given)
    return caught.value.path


def user(content: str = "hi", **fields: object) -> pb.Message:
    return pb.Message(role=pb.ROLE_USER, content=content, **fields)


def deep(levels: int) -> Struct:
    value: dict = {"end": 1}
    for _ in range(levels):
        value = {"in": value}
    struct = Struct()
    struct.update(value)
    return struct


def through_the_log(given: pb.Message) -> pb.Message:
    (new,) = messages.from_protos([given])
    return messages.to_proto(log.decode(b"7-0", {b"message": log.encode(new).encode()}))


def test_a_message_without_id_and_time_leaves_both_to_the_store():
    assert messages.from_protos([user(name="Alice")]) == [
        NewMessage(id="", role=Role.USER, name="Alice", content="hi", created=0)
    ]


@pytest.mark.parametrize("role", [value for value in pb.Role.values() if value])
def test_a_full_message_comes_back_as_it_was_given(role: pb.Role.ValueType):
    metadata = Struct()
    metadata.update({"z": [1, None, {"ü": True}], "a": "\n\"'", "n": 1.5})
    given = pb.Message(
        id="m1",
        role=role,
        name="Al\nice",
        content=" two\nlines  \0 ü ",
        create_time=Timestamp(seconds=5, nanos=6_000),
        tool_calls=[pb.ToolCall(id="c", name="f", arguments='{"x": 1}')],
        tool_call_id="c0",
        metadata=metadata,
    )
    back = through_the_log(given)
    assert back.sequence == 7
    back.ClearField("sequence")
    assert back == given


def test_empty_metadata_is_not_the_same_as_none():
    assert through_the_log(user(metadata=Struct())).HasField("metadata")
    assert not through_the_log(user()).HasField("metadata")


@given(st.integers(0, structs.DEEPEST - 1))
def test_metadata_that_is_taken_in_can_be_read_again(levels: int):
    given = user(metadata=deep(levels))
    assert through_the_log(given).metadata == given.metadata


def test_an_assistant_may_call_tools_without_a_word():
    call = pb.ToolCall(id="1", name="find", arguments="not JSON {")
    (new,) = messages.from_protos([pb.Message(role=pb.ROLE_ASSISTANT, tool_calls=[call])])
    assert new.tool_calls == (ToolCall("1", "find", "not JSON {"),)
    assert new.content == ""


@pytest.mark.parametrize(
    ("message", "path"),
    [
        (pb.Message(content="a"), "role"),
        (pb.Message(role=99, content="a"), "role"),
        (user(""), "content"),
        (user(" \n"), "content"),
        (user("x" * (256 * 1024 + 1)), "content"),
        (user(id="12"), "id"),
        (user(id="a\nb"), "id"),
        (user(id="x" * 129), "id"),
        (user(name="x" * 257), "name"),
        (user(create_time=Timestamp(nanos=-1)), "create_time"),
        (user(tool_call_id="\0"), "tool_call_id"),
        (user(tool_calls=[pb.ToolCall(id="1")]), "tool_calls[0].name"),
        (user(tool_calls=[pb.ToolCall(id="\n", name="f")]), "tool_calls[0].id"),
        (
            user(tool_calls=[pb.ToolCall(name="f", arguments="x" * (256 * 1024 + 1))]),
            "tool_calls[0].arguments",
        ),
        (user(tool_calls=[pb.ToolCall(name="f")] * 65), "tool_calls"),
        (user(metadata=Struct(fields={"x": {"string_value": "x" * 16_384}})), "metadata"),
        (user(metadata=Struct(fields={"x": {"number_value": float("nan")}})), "metadata"),
        (user(metadata=Struct(fields={"x": {"number_value": float("inf")}})), "metadata"),
    ],
)
def test_the_field_at_fault_is_named(message: pb.Message, path: str):
    assert fault(user(), message) == f"messages[1].{path}"


def test_a_request_has_one_to_256_messages():
    assert fault() == "messages"
    assert fault(*[user()] * 257) == "messages"
    assert len(messages.from_protos([user()] * 256)) == 256


def test_a_session_is_shown_with_how_far_it_was_extracted():
    session = Session(
        SessionRef(ALICE, "chat"),
        generation=2,
        created=1,
        updated=2,
        version=16,
        tail=9,
        cursor=4,
    )
    assert messages.session_to_proto(session) == pb.Session(
        scope=pb.Scope(namespace="app", user_id="alice", session_id="chat"),
        generation=2,
        create_time=Timestamp(nanos=1_000),
        update_time=Timestamp(nanos=2_000),
        etag="2-10",
        message_count=9,
        extracted_through=4,
        options=pb.SessionOptions(strategy=pb.ExtractionStrategy(kind=pb.EXTRACTION_KIND_DISCRETE)),
    )
    assert session.pending == 5


def test_roles_are_all_shown():
    shown = {messages.role_to_proto(role) for role in Role}
    assert shown == {value for value in pb.Role.values() if value}


def test_the_extractor_gets_the_words_and_no_more_of_a_tool_call_than_that_there_is_one():
    message = Message(
        sequence=3,
        id="m",
        role=Role.ASSISTANT,
        name="",
        content="",
        created=5,
        tool_calls=(ToolCall("c", "f", "x" * 1000),),
        tool_call_id="d",
        metadata='{"a":1}',
    )
    assert messages.for_extraction(message) == pb.Message(
        id="m",
        sequence=3,
        role=pb.ROLE_ASSISTANT,
        create_time=Timestamp(nanos=5_000),
        tool_calls=[pb.ToolCall(id="c", name="f")],
        tool_call_id="d",
    )
