from __future__ import annotations

import pytest
from agentmemory.v1 import memory_pb2 as pb
from google.protobuf.timestamp_pb2 import Timestamp

from memory_service.domain.errors import InvalidField
from memory_service.domain.memory import Source
from memory_service.domain.waiting import as_memory
from memory_service.store import given as kept
from memory_service.translate import given
from tests.support.extraction import CHAT
from tests.support.memories import ALICE


def test_nothing_is_allowed_and_too_much_is_not():
    assert given.from_protos([]) == []
    with pytest.raises(InvalidField) as caught:
        given.from_protos([pb.Memory(text="x")] * 129)
    assert caught.value.path == "memories"


def test_a_memory_that_waits_is_shown_as_it_was_given_with_its_session_as_source():
    memory = pb.Memory(
        id="m",
        text="Alice likes tea.",
        type=pb.MEMORY_TYPE_EPISODIC,
        topics=["tea"],
        entities=[pb.Entity(name="Alice", kind="person")],
        event_time=pb.EventTime(time=Timestamp(seconds=86400), precision=pb.TIME_PRECISION_DAY),
        pinned=True,
        valid_from=Timestamp(),
        valid_to=Timestamp(seconds=9),
    )
    memory.metadata.update({"a": "ü"})
    (new,) = given.from_protos([memory])
    waiting = kept.decode(CHAT, {b"memory": kept.encode(new).encode()})
    assert waiting.sources == (Source("chat", ""),)
    memory.MergeFrom(
        pb.Memory(
            scope=pb.Scope(namespace="app", user_id="alice", session_id="chat"),
            sources=[pb.Source(session_id="chat")],
            confidence=1,
        )
    )
    assert given.to_proto(as_memory(ALICE, waiting)) == memory


@pytest.mark.parametrize(
    ("memory", "path"),
    [
        (pb.Memory(text="x", supersedes=["y"]), "memories[1].supersedes"),
        (pb.Memory(), "memories[1].text"),
        (pb.Memory(text="x", type=pb.MEMORY_TYPE_MESSAGE), "memories[1].type"),
    ],
)
def test_the_field_at_fault_is_named(memory: pb.Memory, path: str):
    with pytest.raises(InvalidField) as caught:
        given.from_protos([pb.Memory(text="fine"), memory])
    assert caught.value.path == path
