from __future__ import annotations

import json

import pytest
from google.protobuf.json_format import ParseDict
from google.protobuf.struct_pb2 import Struct
from hypothesis import given
from hypothesis import strategies as st

from memory_service.domain.memory import Entity, EventTime, Memory, Precision, Source, Turn
from memory_service.domain.owner import Owner, SessionRef
from memory_service.domain.session import Message, Notes, Role, Session, Summary
from memory_service.domain.sizes import (
    OBJECT_BYTES,
    PER_ITEM,
    RESPONSE_BYTES,
    first_that_fit,
    memory_bytes,
    message_bytes,
    newest_that_fit,
    record_bytes,
    waiting_that_fit,
)
from memory_service.domain.transfer import SessionHead
from memory_service.store.records import encode
from memory_service.translate import messages, showing, structs
from tests.support.memories import ALICE, make


def message(content: str, sequence: int = 1) -> Message:
    return Message(sequence, str(sequence), Role.USER, "Alice", content, 1)


def test_what_fits_is_returned_whole():
    short = [message("hi", n) for n in range(1, 1001)]
    assert newest_that_fit(short) == tuple(short)
    assert newest_that_fit([]) == ()
    assert first_that_fit([]) == ()


def test_of_what_does_not_fit_the_newest_stay_in_order():
    large = [message("x" * 256 * 1024, n) for n in range(1, 21)]
    kept = newest_that_fit(large)
    assert kept == tuple(large[-len(kept) :])
    assert 2 < len(kept) < 13
    assert sum(map(message_bytes, kept)) <= RESPONSE_BYTES


def test_one_that_is_too_large_is_returned_all_the_same():
    assert len(newest_that_fit([message("x" * (RESPONSE_BYTES + PER_ITEM))])) == 1


def test_memories_fill_what_messages_leave():
    memories = [make(f"m{n}", "x" * 8000) for n in range(1, 1001)]
    alone = waiting_that_fit(memories, [])
    assert alone == tuple(memories[: len(alone)])
    assert 300 < len(alone) < 400
    beside = waiting_that_fit(memories, [message("x" * (RESPONSE_BYTES // 2))])
    assert len(alone) / 2 - 2 < len(beside) < len(alone) / 2 + 2
    assert waiting_that_fit(memories, [message("x" * RESPONSE_BYTES)]) == ()


def test_messages_and_memories_fill_what_the_data_of_a_session_leaves():
    data = "x" * (RESPONSE_BYTES // OBJECT_BYTES // 2)
    large = [message("x" * 100_000, n) for n in range(1, 40)]
    assert sum(map(message_bytes, newest_that_fit(large, data))) <= RESPONSE_BYTES / 2
    memories = [make(f"m{n}", "x" * 8000) for n in range(1, 1001)]
    alone, beside = waiting_that_fit(memories, []), waiting_that_fit(memories, [], data)
    assert len(alone) / 2 - 2 < len(beside) < len(alone) / 2 + 2


VALUES = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4)
    ),
    max_leaves=10,
)
LONG = [{"embedding": [1.0] * 1600}, {"": [[[0.0] * 20] * 9] * 9}, {"a": [[[[[]] * 9]]] * 40}]


def metadata_of(values: object) -> str:
    return structs.to_json(ParseDict(values, Struct()), "", max_bytes=100_000, stored=True)


METADATA = st.builds(metadata_of, st.dictionaries(st.text(max_size=3), VALUES, max_size=4))
TIMES = st.none() | st.integers(-(2**50), 2**50)
NAMES = st.text(max_size=50)
MEMORIES = st.builds(
    Memory,
    owner=st.builds(Owner.user, NAMES, NAMES, NAMES),
    text=st.text(max_size=200),
    topics=st.lists(NAMES, max_size=3).map(tuple),
    entities=st.lists(st.builds(Entity, NAMES, NAMES), max_size=3).map(tuple),
    sources=st.lists(st.builds(Source, NAMES, NAMES), max_size=3).map(tuple),
    supersedes=st.lists(NAMES, max_size=3).map(tuple),
    contradicts=st.lists(NAMES, max_size=3).map(tuple),
    event_time=st.none()
    | st.builds(EventTime, st.integers(-(2**50), 2**50), st.sampled_from(Precision), NAMES),
    metadata=METADATA,
    **dict.fromkeys(["created", "updated", "revision"], st.integers(0, 2**50)),
    **dict.fromkeys(
        ["valid_from", "valid_to", "superseded", "mentioned", "mentioned_again"], TIMES
    ),
    **dict.fromkeys(["superseded_by", "supersede_reason", "slot", "extractor"], NAMES),
    turn=st.none() | st.builds(Turn, st.integers(1, 2**50), st.sampled_from(Role), NAMES, NAMES),
)


@given(
    st.builds(
        Message,
        sequence=st.integers(1, 2**40),
        created=st.integers(0, 2**50),
        metadata=METADATA,
        time_zone=NAMES,
    )
)
def test_the_estimate_of_a_message_is_no_less_than_the_wire(said: Message):
    assert message_bytes(said) >= messages.to_proto(said).ByteSize()


@given(MEMORIES)
def test_the_estimate_of_a_memory_is_no_less_than_the_wire(memory: Memory):
    assert memory_bytes(memory) >= showing.memory(memory).ByteSize()


@given(MEMORIES)
def test_what_is_stored_of_a_memory_bounds_what_the_wire_has(memory: Memory):
    body = len(encode(memory, None)["body"].encode())
    assert OBJECT_BYTES * body + 2 * 1024 >= showing.memory(memory).ByteSize()


@given(METADATA)
def test_the_estimate_of_a_session_is_no_less_than_the_wire(data: str):
    session = Session(SessionRef(ALICE, "chat"), *(0, 2**50, 2**50, 0, 2**40, 2**40))
    compact = json.dumps(json.loads(data), ensure_ascii=False, separators=(",", ":"))
    head = SessionHead(session, Notes(compact, "context"), Summary("", 0))
    assert record_bytes(head) >= messages.session_to_proto(session, head.notes).ByteSize()


@pytest.mark.parametrize("values", LONG)
def test_a_large_object_is_not_estimated_too_small(values: dict[str, object]):
    for separators in ((", ", ": "), (",", ":")):
        written = json.dumps(values, separators=separators)
        assert OBJECT_BYTES * len(written) >= structs.from_json(written).ByteSize() > len(written)
