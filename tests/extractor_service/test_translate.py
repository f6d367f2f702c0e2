from __future__ import annotations

from collections.abc import Callable

import pytest
from agentmemory.v1 import extractor_service_pb2 as pb
from agentmemory.v1 import memory_pb2
from grpc import StatusCode

from extractor_service import translate
from extractor_service.domain import EventTime, Finding, MemoryType, Precision, Role, Source
from extractor_service.embedder import ModelInfo, Purpose
from extractor_service.pipeline import Extracted, PipelineInfo
from service_kit.errors import ServiceError
from tests.support.extractor_server import NOON, message

INFO = PipelineInfo(ModelInfo("hash", "1", 384, 256, "cpu", "float32"), "fake-1", 3)


def violations(call: Callable[[], object]) -> dict[str, str]:
    with pytest.raises(ServiceError) as caught:
        call()
    assert caught.value.code is StatusCode.INVALID_ARGUMENT
    assert caught.value.reason == "INVALID_FIELD"
    return {violation.field: violation.description for violation in caught.value.violations}


def delta_violations(*messages: memory_pb2.Message, most: int = 4) -> dict[str, str]:
    return violations(lambda: translate.from_delta(pb.Delta(messages=messages), most))


def test_a_delta_becomes_turns() -> None:
    said, heard = message("m1", "I ski."), message("", "Hm.", role=memory_pb2.ROLE_ASSISTANT)
    heard.ClearField("create_time")

    conversation = translate.from_delta(pb.Delta(messages=[said], context=[heard]), 4)

    assert [(t.id, t.role, t.speaker, t.text, t.time) for t in conversation.messages] == [
        ("m1", Role.USER, "Ada", "I ski.", NOON)
    ]
    assert [(t.role, t.text, t.time) for t in conversation.context] == [
        (Role.ASSISTANT, "Hm.", NOON)
    ]


def test_every_field_at_fault_is_named_at_once() -> None:
    empty = memory_pb2.Message()
    wide = message("a\nb", "x" * (translate.MAX_CONTENT_BYTES + 1), name="n" * 257)

    assert set(delta_violations(empty, wide)) == {
        "messages[0].id",
        "messages[0].role",
        "messages[0].content",
        "messages[0].create_time",
        "messages[1].id",
        "messages[1].name",
        "messages[1].content",
    }


def test_a_limit_on_bytes_counts_bytes_and_includes_its_end() -> None:
    fits = message("m", "é" * (translate.MAX_CONTENT_BYTES // 2))
    assert translate.from_delta(pb.Delta(messages=[fits]), 1).messages[0].text == fits.content
    assert set(delta_violations(message("m", fits.content + "x"))) == {"messages[0].content"}


def test_a_message_with_tool_calls_needs_no_text() -> None:
    calling = message("m", "", role=memory_pb2.ROLE_ASSISTANT)
    calling.tool_calls.add(id="c", name="search")
    assert translate.from_delta(pb.Delta(messages=[calling]), 1).messages[0].text == ""


@pytest.mark.parametrize("number", [0, 5])
def test_a_delta_holds_at_least_one_message_and_at_most_as_many_as_allowed(number: int) -> None:
    said = [message(f"m{place}", "Hi.") for place in range(number)]
    assert set(delta_violations(*said, most=4)) == {"messages"}


def test_an_id_that_comes_twice_is_refused() -> None:
    assert set(delta_violations(message("m", "A."), message("m", "B."))) == {"messages[1].id"}


def test_a_time_out_of_the_calendar_is_refused() -> None:
    late = message("m", "A.")
    late.create_time.seconds = 10**15
    assert set(delta_violations(late)) == {"messages[0].create_time"}


def test_context_is_checked_too() -> None:
    request = pb.Delta(messages=[message("m", "A.")], context=[memory_pb2.Message()])
    assert set(violations(lambda: translate.from_delta(request, 4))) == {
        "context[0].role",
        "context[0].content",
    }


def test_a_unary_request_gets_places_for_ids_and_now_for_times() -> None:
    bare = [memory_pb2.Message(role=memory_pb2.ROLE_USER, content=text) for text in ("A.", "B.")]
    conversation = translate.from_request(pb.ExtractMemoriesRequest(messages=bare), NOON)
    assert [(t.id, t.time) for t in conversation.messages] == [("1", NOON), ("2", NOON)]
    assert not bare[0].id


def test_texts_to_embed_are_checked_one_by_one() -> None:
    request = pb.EmbedRequest(
        texts=["fine", "", "x" * (translate.MAX_EMBED_TEXT_BYTES + 1)],
        purpose=9,  # type: ignore[arg-type]
    )
    assert set(violations(lambda: translate.from_embed(request))) == {
        "texts[1]",
        "texts[2]",
        "purpose",
    }


@pytest.mark.parametrize("number", [0, 257])
def test_1_to_256_texts_can_be_embedded(number: int) -> None:
    request = pb.EmbedRequest(texts=["text"] * number)
    assert set(violations(lambda: translate.from_embed(request))) == {"texts"}


def test_an_embed_without_purpose_is_of_documents() -> None:
    assert translate.from_embed(pb.EmbedRequest(texts=["a"])) == (["a"], Purpose.DOCUMENT)


def test_an_extracted_memory_keeps_all_that_was_found() -> None:
    finding = Finding(
        text="Ada skied.",
        type=MemoryType.EPISODIC,
        topics=("sports",),
        entities=(),
        source=Source("m1", 2, 7),
        confidence=0.5,
        event_time=EventTime(NOON, Precision.DAY),
    )

    [memory] = translate.extraction([Extracted(finding, b"1234")], INFO).memories

    assert memory.text == "Ada skied."
    assert memory.type == memory_pb2.MEMORY_TYPE_EPISODIC
    assert memory.topics == ["sports"]
    assert [(s.message_id, s.start, s.end) for s in memory.sources] == [("m1", 2, 7)]
    assert memory.event_time.precision == memory_pb2.TIME_PRECISION_DAY
    assert memory.event_time.time.seconds == int(NOON.timestamp())
    assert memory.confidence == 0.5
    assert memory.embedding == b"1234"


def test_an_unknown_event_time_stays_unset() -> None:
    finding = Finding("Ada skis.", MemoryType.SEMANTIC, (), (), Source("m", 0, 1), 0.5)
    [memory] = translate.extraction([Extracted(finding, b"")], INFO).memories
    assert not memory.HasField("event_time")
