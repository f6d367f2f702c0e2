from __future__ import annotations

from typing import Any

import pytest
from agentmemory.v1 import extractor_service_pb2 as extractor_pb
from agentmemory.v1 import memory_pb2 as pb
from google.protobuf.struct_pb2 import Struct
from google.protobuf.timestamp_pb2 import Timestamp

from memory_service.domain.errors import InvalidField
from memory_service.domain.memory import (
    Entity,
    EventTime,
    Memory,
    MemoryType,
    NewMemory,
    Precision,
    Source,
)
from memory_service.domain.owner import Owner
from memory_service.translate import memories, showing, structs
from tests.support.memories import ALICE, SHARED, make

MOMENT = Timestamp(seconds=1_000, nanos=5_000)


def fault(*given: pb.Memory) -> str:
    with pytest.raises(InvalidField) as caught:
        memories.from_protos(given)
    return caught.value.path


def test_a_callers_memory_is_taken_as_it_is_and_nothing_that_is_output_only():
    given = pb.Memory(
        id="m",
        text=" Alice moved to Berlin. ",
        type=pb.MEMORY_TYPE_EPISODIC,
        topics=["a,b", "x|y", "a,b"],
        entities=[pb.Entity(name="Berlin", kind="place"), pb.Entity(name="Berlin", kind="place")],
        event_time=pb.EventTime(time=MOMENT, precision=pb.TIME_PRECISION_DAY),
        scope=pb.Scope(user_id="mallory"),
        sources=[pb.Source(message_id="1")],
        confidence=0.1,
        extractor="forged",
        revision=9,
        etag="e",
    )
    assert memories.from_protos([given]) == [
        NewMemory(
            id="m",
            text=" Alice moved to Berlin. ",
            type=MemoryType.EPISODIC,
            topics=("a,b", "x|y"),
            entities=(Entity("Berlin", "place"),),
            event_time=EventTime(0, Precision.DAY),
        )
    ]


def test_what_is_not_given_is_semantic_and_to_the_minute():
    (found,) = memories.from_protos(
        [pb.Memory(text="a", event_time=pb.EventTime(time=Timestamp()))]
    )
    assert found.type is MemoryType.SEMANTIC
    assert found.event_time == EventTime(0, Precision.MINUTE)
    assert memories.from_protos([pb.Memory(text="a")])[0].event_time is None


@pytest.mark.parametrize(
    ("memory", "path"),
    [
        (pb.Memory(), "text"),
        (pb.Memory(text=" "), "text"),
        (pb.Memory(text="x" * 8193), "text"),
        (pb.Memory(text="a", id="\n"), "id"),
        (pb.Memory(text="a", type=pb.MEMORY_TYPE_MESSAGE), "type"),
        (pb.Memory(text="a", type=99), "type"),
        (pb.Memory(text="a", topics=["b", ""]), "topics[1]"),
        (pb.Memory(text="a", topics=["b"] * 33), "topics"),
        (pb.Memory(text="a", entities=[pb.Entity(kind="k")]), "entities[0].name"),
        (pb.Memory(text="a", entities=[pb.Entity(name="n", kind="k" * 257)]), "entities[0].kind"),
        (pb.Memory(text="a", entities=[pb.Entity(name="n")] * 33), "entities"),
        (pb.Memory(text="a", slot="x" * 257), "slot"),
        (pb.Memory(text="a", event_time=pb.EventTime()), "event_time.time"),
        (
            pb.Memory(text="a", event_time=pb.EventTime(time=Timestamp(nanos=-1))),
            "event_time.time",
        ),
    ],
)
def test_the_field_at_fault_is_named(memory: pb.Memory, path: str):
    assert fault(pb.Memory(text="good"), memory) == f"memories[1].{path}"


def test_a_batch_has_one_to_128_memories():
    assert fault() == "memories"
    assert fault(*[pb.Memory(text="a")] * 129) == "memories"
    assert len(memories.from_protos([pb.Memory(text="a")] * 128)) == 128


def test_a_search_without_types_is_for_facts():
    facts = (MemoryType.SEMANTIC, MemoryType.EPISODIC)
    assert memories.types_from_protos([], "types") == facts
    message = pb.MEMORY_TYPE_MESSAGE
    assert memories.types_from_protos([message, message], "types") == (MemoryType.MESSAGE,)
    with pytest.raises(InvalidField, match=r"^types\[1\]: "):
        memories.types_from_protos([message, pb.MEMORY_TYPE_UNSPECIFIED], "types")


def test_a_stored_memory_is_shown_whole():
    memory = Memory(
        owner=ALICE,
        id="m",
        text="Alice moved to Berlin.",
        type=MemoryType.EPISODIC,
        topics=("moving",),
        entities=(Entity("Berlin", "place"),),
        event_time=EventTime(1_000_000_005, Precision.MONTH),
        sources=(Source("chat", "7", 3, 9),),
        confidence=0.5,
        extractor="rules 1",
        embedded=True,
        created=5,
        updated=6,
        revision=10,
        metadata='{"a": [1, null]}',
        pinned=True,
        slot="alice|home",
        mentioned=3,
        mentioned_again=4,
        untrusted=True,
        contradicts=("n",),
    )
    assert showing.memory(memory) == pb.Memory(
        id="m",
        scope=pb.Scope(namespace="app", user_id="alice", session_id="chat"),
        text="Alice moved to Berlin.",
        type=pb.MEMORY_TYPE_EPISODIC,
        topics=["moving"],
        entities=[pb.Entity(name="Berlin", kind="place")],
        event_time=pb.EventTime(time=MOMENT, precision=pb.TIME_PRECISION_MONTH),
        create_time=Timestamp(nanos=5_000),
        update_time=Timestamp(nanos=6_000),
        etag="a",
        revision=10,
        sources=[pb.Source(session_id="chat", message_id="7", start=3, end=9)],
        confidence=0.5,
        extractor="rules 1",
        embedding_state=pb.EMBEDDING_STATE_READY,
        metadata={"a": [1, None]},
        pinned=True,
        slot="alice|home",
        mention_time=Timestamp(nanos=3_000),
        last_mention_time=Timestamp(nanos=4_000),
        untrusted=True,
        contradicts=["n"],
    )


def test_what_a_caller_wrote_was_said_when_it_was_stored():
    shown = showing.memory(make("m", created=7))
    assert shown.mention_time == shown.last_mention_time == shown.create_time


def test_a_memory_without_a_vector_is_pending_and_a_shared_one_says_so():
    shown = showing.memory(make("m", owner=SHARED))
    assert shown.embedding_state == pb.EMBEDDING_STATE_PENDING
    assert shown.shared
    assert not shown.HasField("event_time")
    assert not showing.memory(make("m")).shared
    lone = make("m", owner=Owner.session("acme", "app", "chat"))
    assert showing.memory(lone).scope == pb.Scope(namespace="app", session_id="chat")


def test_an_extracted_time_keeps_its_precision_and_is_the_start_of_its_unit():
    item = extractor_pb.ExtractedMemory(
        event_time=pb.EventTime(time=MOMENT, precision=pb.TIME_PRECISION_YEAR)
    )
    assert memories.event_time_from_proto(item) == EventTime(0, Precision.YEAR)
    assert memories.event_time_from_proto(extractor_pb.ExtractedMemory()) is None


def test_an_update_gives_the_fields_that_its_mask_names():
    given = pb.Memory(text="x", topics=["a", "a"], pinned=True, metadata={"k": "v"})
    paths = ["text", "type", "topics", "entities", "event_time", "metadata", "pinned"]
    assert memories.values_from_proto(given, paths) == {
        "text": "x",
        "type": MemoryType.SEMANTIC,
        "topics": ("a",),
        "entities": (),
        "event_time": None,
        "metadata": '{"k": "v"}',
        "pinned": True,
    }
    assert memories.values_from_proto(given, ["pinned"]) == {"pinned": True}


@pytest.mark.parametrize("path", ["id", "scope", "etag", "event_time.time", "metadata.k", "", "x"])
def test_a_mask_names_no_other_fields(path: str):
    with pytest.raises(InvalidField, match=r"^update_mask\.paths\[1\]: "):
        memories.values_from_proto(pb.Memory(text="x"), ["text", path])
    with pytest.raises(InvalidField, match=r"^update_mask: "):
        memories.values_from_proto(pb.Memory(text="x"), [])


def test_a_field_is_read_once_however_often_a_mask_names_it(monkeypatch: pytest.MonkeyPatch):
    read = []

    def counted(value: Struct, path: str, **limits: Any) -> str:
        read.append(path)
        return to_json(value, path, **limits)

    to_json = structs.to_json
    monkeypatch.setattr(structs, "to_json", counted)
    given = pb.Memory(metadata={"k": "v"})
    paths = ["metadata"] * memories.MAX_PATHS
    assert memories.values_from_proto(given, paths) == {"metadata": '{"k": "v"}'}
    assert read == ["memory.metadata"]
    with pytest.raises(InvalidField, match=r"^update_mask\.paths: "):
        memories.values_from_proto(given, [*paths, "metadata"])
