from __future__ import annotations

import struct
from collections.abc import AsyncIterator

import pytest
from agentmemory.v1 import extractor_service_pb2 as pb
from agentmemory.v1 import memory_pb2
from grpc import StatusCode

from extractor_service.app import load_rules
from extractor_service.rules import RULES_VERSION
from service_kit.errors import read_error
from tests.extractor_service.test_pipeline import BrokenEmbedder
from tests.support.extractor_server import (
    CONTEXT_TURNS,
    POISON,
    Conversation,
    FakeRules,
    Served,
    fails,
    message,
    served,
)

TALK = [
    message("m1", "I'm Alice, I work as a Product Manager at StartupCorp.", name=""),
    message("m2", "Nice to meet you, Alice!", role=memory_pb2.ROLE_ASSISTANT, name=""),
    message("m3", "I prefer morning meetings. I live in Paris.", name="", minutes=2),
]


@pytest.fixture
async def extractor() -> AsyncIterator[Served]:
    async with served(FakeRules().ruleset) as running:
        yield running


@pytest.fixture(scope="module")
async def real() -> AsyncIterator[Served]:
    async with served(load_rules) as running:
        yield running


async def test_the_unary_twin_gives_what_the_stream_gives(real: Served) -> None:
    stream = Conversation(real.stub)
    await stream.open()
    await stream.send(1, TALK[1:], context=TALK[:1])
    streamed = (await stream.result()).extraction
    request = pb.ExtractMemoriesRequest(messages=TALK[1:], context=TALK[:1])
    unary = (await real.stub.ExtractMemories(request)).extraction
    assert unary == streamed
    assert len(unary.memories) == 2


async def test_real_rules_find_the_same_wherever_the_conversation_is_cut(real: Served) -> None:
    whole = await real.stub.ExtractMemories(pb.ExtractMemoriesRequest(messages=TALK))
    cut = [
        await real.stub.ExtractMemories(
            pb.ExtractMemoriesRequest(messages=[TALK[place]], context=TALK[:place])
        )
        for place in range(len(TALK))
    ]
    found = [memory for answer in cut for memory in answer.extraction.memories]
    assert found == list(whole.extraction.memories)
    assert [memory.sources[0].message_id for memory in found] == ["m1", "m3", "m3"]


def strategy(kind: str, instructions: str = "") -> memory_pb2.ExtractionStrategy:
    value = memory_pb2.ExtractionKind.Value(f"EXTRACTION_KIND_{kind}")
    return memory_pb2.ExtractionStrategy(kind=value, instructions=instructions)


async def extracted(
    served_by: Served, asked: memory_pb2.ExtractionStrategy | None
) -> pb.Extraction:
    request = pb.ExtractMemoriesRequest(messages=TALK, strategy=asked)
    return (await served_by.stub.ExtractMemories(request)).extraction


async def test_preferences_are_those_of_the_memories_that_state_one(real: Served) -> None:
    discrete = await extracted(real, None)
    preferences = await extracted(real, strategy("PREFERENCES"))
    assert [memory.text for memory in preferences.memories] == ["Alice prefers morning meetings."]
    assert preferences.memories[0] in discrete.memories
    assert len(discrete.memories) == 3
    assert preferences.extractor == discrete.extractor == RULES_VERSION


@pytest.mark.parametrize(
    "asked",
    [strategy("UNSPECIFIED"), strategy("DISCRETE"), strategy("SUMMARY"), strategy("CUSTOM", "Do.")],
    ids=lambda asked: str(asked.kind),
)
async def test_without_a_language_model_the_other_strategies_are_as_discrete(
    real: Served, asked: memory_pb2.ExtractionStrategy
) -> None:
    assert await extracted(real, asked) == await extracted(real, None)


async def test_a_strategy_that_extracts_nothing_is_refused(extractor: Served) -> None:
    error = read_error(await fails(extracted(extractor, strategy("NONE"))))
    assert error.reason == "INVALID_FIELD"
    assert [violation.field for violation in error.violations] == ["strategy.kind"]


async def test_messages_without_ids_are_known_by_their_place(extractor: Served) -> None:
    said = [memory_pb2.Message(role=memory_pb2.ROLE_USER, content=text) for text in ("A", "B")]
    answer = await extractor.stub.ExtractMemories(pb.ExtractMemoriesRequest(messages=said))
    sources = [memory.sources[0].message_id for memory in answer.extraction.memories]
    assert sources == ["1", "2"]


async def test_invalid_messages_are_refused_with_their_paths(extractor: Served) -> None:
    request = pb.ExtractMemoriesRequest(messages=[message("m", "Fine"), message("n", "")])
    error = read_error(await fails(extractor.stub.ExtractMemories(request)))
    assert error.code is StatusCode.INVALID_ARGUMENT
    assert error.reason == "INVALID_FIELD"
    assert [violation.field for violation in error.violations] == ["messages[1].content"]


async def test_a_message_that_breaks_the_rules_is_the_inputs_fault(extractor: Served) -> None:
    request = pb.ExtractMemoriesRequest(messages=[message("m", POISON)])
    error = read_error(await fails(extractor.stub.ExtractMemories(request)))
    assert error.code is StatusCode.INVALID_ARGUMENT
    assert error.reason == "EXTRACTION_FAILED"
    assert [violation.field for violation in error.violations] == ["messages[0]"]
    assert extractor.metric("extractor_extractions_total", outcome="failed") == 1


async def test_vectors_are_float32_of_length_1_one_for_each_text(extractor: Served) -> None:
    answer = await extractor.stub.Embed(pb.EmbedRequest(texts=["one", "two", "one"]))
    vectors = [struct.unpack("<384f", vector) for vector in answer.vectors]
    assert [sum(x * x for x in vector) for vector in vectors] == pytest.approx([1, 1, 1], abs=1e-5)
    assert vectors[0] == vectors[2] != vectors[1]
    assert answer.model.name == "hash"


async def test_texts_to_embed_are_limited_and_the_one_at_fault_is_named(extractor: Served) -> None:
    request = pb.EmbedRequest(texts=["fine", "fine", "fine", "x" * 32769])
    error = read_error(await fails(extractor.stub.Embed(request)))
    assert error.code is StatusCode.INVALID_ARGUMENT
    assert error.reason == "INVALID_FIELD"
    assert [violation.field for violation in error.violations] == ["texts[3]"]


async def test_the_longest_embed_that_the_contract_allows_is_served(extractor: Served) -> None:
    answer = await extractor.stub.Embed(pb.EmbedRequest(texts=["x" * 32768] * 256))
    assert len(answer.vectors) == 256


async def test_a_text_on_which_the_model_fails_is_named() -> None:
    async with served(
        FakeRules().ruleset, load_embedder=lambda: BrokenEmbedder("odd")
    ) as extractor:
        request = pb.EmbedRequest(texts=["fine", "odd"])
        error = read_error(await fails(extractor.stub.Embed(request)))
    assert error.reason == "EXTRACTION_FAILED"
    assert [violation.field for violation in error.violations] == ["texts[1]"]


async def test_info_tells_models_and_limits(extractor: Served) -> None:
    info = await extractor.stub.GetInfo(pb.GetInfoRequest())
    assert info.embedding_model.name == "hash"
    assert info.embedding_model.device == "cpu"
    assert info.extractor == "fake-1"
    assert info.context_messages == CONTEXT_TURNS
    assert (info.max_delta_messages, info.max_embed_texts, info.max_in_flight) == (64, 256, 8)


async def test_metrics_count_messages_and_memories(extractor: Served) -> None:
    request = pb.ExtractMemoriesRequest(messages=[message("a", "One. Two"), message("b", "Three")])
    await extractor.stub.ExtractMemories(request)
    assert extractor.metric("extractor_extractions_total", outcome="ok") == 1
    assert extractor.metric("extractor_messages_total") == 2
    assert extractor.metric("extractor_memories_total") == 3
    assert extractor.metric("extractor_rules_queue_depth") == 0
