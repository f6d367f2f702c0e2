from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import pytest
from agentmemory.v1 import extractor_service_pb2 as pb
from agentmemory.v1 import memory_pb2
from grpc import StatusCode

from extractor_service import field_checks, translate
from extractor_service.domain import (
    EventTime,
    Finding,
    KnownEntity,
    MemoryType,
    Precision,
    Role,
    Source,
    Strategy,
    StrategyKind,
)
from extractor_service.embedder import ModelInfo, Purpose
from extractor_service.pipeline import Extracted, Extraction
from service_kit.errors import ServiceError
from service_kit.time_zones import zone_of
from tests.support.extractor_server import NOON, message

MODEL = ModelInfo("hash", "1", 384, 256, "cpu", "float32")


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

    asked = translate.from_delta(pb.Delta(messages=[said], context=[heard]), 4)
    conversation = asked.conversation

    assert [(t.id, t.role, t.speaker, t.text, t.time) for t in conversation.messages] == [
        ("m1", Role.USER, "Ada", "I ski.", NOON)
    ]
    assert [(t.role, t.text, t.time) for t in conversation.context] == [
        (Role.ASSISTANT, "Hm.", NOON)
    ]


def test_every_field_at_fault_is_named_at_once() -> None:
    empty = memory_pb2.Message()
    wide = message("a\nb", "x" * (field_checks.MAX_CONTENT_BYTES + 1), name="n" * 257)

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
    fits = message("m", "é" * (field_checks.MAX_CONTENT_BYTES // 2))
    assert (
        translate.from_delta(pb.Delta(messages=[fits]), 1).conversation.messages[0].text
        == fits.content
    )
    assert set(delta_violations(message("m", fits.content + "x"))) == {"messages[0].content"}


def test_a_message_with_tool_calls_needs_no_text() -> None:
    calling = message("m", "", role=memory_pb2.ROLE_ASSISTANT)
    calling.tool_calls.add(id="c", name="search")
    assert translate.from_delta(pb.Delta(messages=[calling]), 1).conversation.messages[0].text == ""


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
    asked = translate.from_request(pb.ExtractMemoriesRequest(messages=bare), NOON)
    conversation = asked.conversation
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

    found = Extraction((Extracted(finding, b"1234"),), "fake-1")

    [memory] = translate.extraction(found, MODEL).memories

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
    found = Extraction((Extracted(finding, b""),), "fake-1")
    [memory] = translate.extraction(found, MODEL).memories
    assert not memory.HasField("event_time")


@pytest.mark.parametrize(
    ("zone", "time"),
    [
        ("Asia/Tokyo", datetime(1, 1, 1)),
        ("America/New_York", datetime(9999, 12, 31, 21)),
        ("+14:00", datetime(1, 1, 1)),
    ],
)
def test_an_event_time_beyond_the_calendar_of_utc_stays_unset(zone: str, time: datetime) -> None:
    event = EventTime(time.replace(tzinfo=zone_of(zone)), Precision.DAY)
    finding = Finding(
        "Ada skied.", MemoryType.EPISODIC, (), (), Source("m", 0, 1), 0.5, event_time=event
    )
    found = Extraction((Extracted(finding, b""),), "fake-1")
    [memory] = translate.extraction(found, MODEL).memories
    assert not memory.HasField("event_time")


def strategy_violations(kind: int, instructions: str = "") -> set[str]:
    strategy = memory_pb2.ExtractionStrategy(
        kind=kind,  # type: ignore[arg-type]
        instructions=instructions,
    )
    delta = pb.Delta(messages=[message("m", "A.")], strategy=strategy)
    return set(violations(lambda: translate.from_delta(delta, 4)))


@pytest.mark.parametrize("kind", [memory_pb2.EXTRACTION_KIND_NONE, 99, -1])
def test_a_strategy_by_which_nothing_can_be_extracted_is_refused(kind: int) -> None:
    assert strategy_violations(kind) == {"strategy.kind"}


@pytest.mark.parametrize("instructions", ["", " \n", "é" * 2049])
def test_a_custom_strategy_has_instructions_of_limited_length(instructions: str) -> None:
    custom = memory_pb2.EXTRACTION_KIND_CUSTOM
    assert strategy_violations(custom, instructions) == {"strategy.instructions"}


def test_instructions_are_for_a_custom_strategy_alone() -> None:
    summary = memory_pb2.EXTRACTION_KIND_SUMMARY
    assert strategy_violations(summary, "Be brief.") == {"strategy.instructions"}
    assert strategy_violations(99, "Be brief.") == {"strategy.kind", "strategy.instructions"}


def test_a_strategy_is_handed_on_and_is_discrete_by_default() -> None:
    custom = memory_pb2.ExtractionStrategy(
        kind=memory_pb2.EXTRACTION_KIND_CUSTOM, instructions="é" * 2048
    )
    request = pb.ExtractMemoriesRequest(messages=[message("m", "A.")], strategy=custom)
    assert translate.from_request(request, NOON).strategy == Strategy(
        StrategyKind.CUSTOM, "é" * 2048
    )
    request.ClearField("strategy")
    assert translate.from_request(request, NOON).strategy == Strategy(StrategyKind.DISCRETE)


def test_a_bad_strategy_is_named_beside_bad_messages() -> None:
    none = memory_pb2.ExtractionStrategy(kind=memory_pb2.EXTRACTION_KIND_NONE)
    delta = pb.Delta(messages=[message("m", "")], strategy=none)
    found = violations(lambda: translate.from_delta(delta, 4))
    assert set(found) == {"messages[0].content", "strategy.kind"}


def test_a_summary_is_asked_for_with_the_defaults_of_a_unary_request() -> None:
    bare = memory_pb2.Message(role=memory_pb2.ROLE_USER, content="A.")
    request = pb.SummarizeRequest(summary="Before.", messages=[bare], context=[bare])
    asked = translate.from_summarize(request, NOON)
    assert (asked.summary, asked.max_tokens) == ("Before.", 256)
    assert [(t.id, t.time) for t in asked.conversation.messages] == [("1", NOON)]
    assert [t.text for t in asked.conversation.context] == ["A."]


@pytest.mark.parametrize("tokens", [16, 4096])
def test_limits_of_a_summary_include_their_ends(tokens: int) -> None:
    summary = "é" * (16 * 1024)
    request = pb.SummarizeRequest(summary=summary, messages=[message("m", "A.")], max_tokens=tokens)
    asked = translate.from_summarize(request, NOON)
    assert (asked.summary, asked.max_tokens) == (summary, tokens)


@pytest.mark.parametrize("tokens", [-1, 1, 15, 4097])
def test_all_that_is_wrong_with_a_request_for_a_summary_is_named(tokens: int) -> None:
    request = pb.SummarizeRequest(
        summary="é" * (16 * 1024) + "x", messages=[message("m", "")], max_tokens=tokens
    )
    found = violations(lambda: translate.from_summarize(request, NOON))
    assert set(found) == {"messages[0].content", "summary", "max_tokens"}


@pytest.mark.parametrize("number", [0, 257])
def test_1_to_256_messages_can_be_summed_up(number: int) -> None:
    request = pb.SummarizeRequest(
        messages=[message(f"m{place}", "A.") for place in range(number)],
        context=[message("c", "B.")],
    )
    assert set(violations(lambda: translate.from_summarize(request, NOON))) == {"messages"}


EMMA = pb.KnownEntity(name="Emma", kind="person", relation="sister", of="Ada")


def test_those_who_are_known_come_with_the_conversation() -> None:
    request = pb.ExtractMemoriesRequest(messages=[message("m", "A.")], known_entities=[EMMA])
    delta = pb.Delta(messages=request.messages, known_entities=request.known_entities)
    known = (KnownEntity("Emma", "person", "sister", "Ada"),)
    assert translate.from_request(request, NOON).conversation.known == known
    assert translate.from_delta(delta, 10).conversation.known == known


@pytest.mark.parametrize("field", ["name", "relation", "of"])
@pytest.mark.parametrize("value", ["", " ", "x" * 257, "a\nb", "a\u2028b", "a\0"])
def test_the_part_at_fault_of_somebody_known_is_named(field: str, value: str) -> None:
    bad = pb.KnownEntity()
    bad.CopyFrom(EMMA)
    setattr(bad, field, value)
    delta = pb.Delta(messages=[message("m", "A.")], known_entities=[EMMA, bad])
    found = violations(lambda: translate.from_delta(delta, 10))
    assert set(found) == {f"known_entities[1].{field}"}


def test_a_delta_knows_so_many_at_most() -> None:
    delta = pb.Delta(messages=[message("m", "A.")], known_entities=[EMMA] * 33)
    assert set(violations(lambda: translate.from_delta(delta, 10))) == {"known_entities"}
