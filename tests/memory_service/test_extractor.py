from __future__ import annotations

import pytest
from agentmemory.v1 import extractor_service_pb2 as pb
from agentmemory.v1 import memory_pb2
from google.protobuf.timestamp_pb2 import Timestamp

from memory_service.domain.errors import ExtractionFailed
from memory_service.domain.memory import Entity, EventTime, MemoryType, Precision, Source
from memory_service.domain.session import Message, Role
from memory_service.domain.session_options import DISCRETE, ExtractionKind, Strategy
from memory_service.extractor import DeltaLimits, RemoteExtractor
from tests.support.embedding import any_model, no_model
from tests.support.extraction import CHAT
from tests.support.memories import vector
from tests.support.redis import DIMENSION

CATS = Strategy(ExtractionKind.CUSTOM, "Only cats.")
MESSAGE = Message(1, "m", Role.USER, "Alice", "hi", 5, metadata='{"a":1}')


class Stream:
    """Answers every delta with the same memories."""

    def __init__(self, *items: pb.ExtractedMemory) -> None:
        self.deltas: list[pb.Delta] = []
        self._extraction = pb.Extraction(memories=items, extractor="rules 1")

    async def opened(self) -> pb.Opened:
        return pb.Opened(context_messages=3)

    async def extract(self, delta: pb.Delta) -> pb.Extraction:
        self.deltas.append(delta)
        return self._extraction


def item(**fields: object) -> pb.ExtractedMemory:
    source = memory_pb2.Source(message_id="m", start=1, end=2)
    return pb.ExtractedMemory(**{"text": "Alice waves.", "sources": [source], **fields})


async def extract(*items: pb.ExtractedMemory):
    return await RemoteExtractor(Stream(*items), any_model, dimension=DIMENSION).extract(
        CHAT, [], [MESSAGE], DISCRETE
    )


async def test_a_memory_is_taken_over_with_the_session_it_came_from():
    (found,) = await extract(
        item(
            type=memory_pb2.MEMORY_TYPE_EPISODIC,
            topics=["t"],
            entities=[memory_pb2.Entity(name="Alice", kind="person")],
            event_time=memory_pb2.EventTime(
                time=Timestamp(seconds=1), precision=memory_pb2.TIME_PRECISION_DAY
            ),
            confidence=0.5,
            embedding=vector(1),
        )
    )
    assert found.sources == (Source("chat", "m", 1, 2),)
    assert (found.type, found.topics) == (MemoryType.EPISODIC, ("t",))
    assert found.entities == (Entity("Alice", "person"),)
    assert found.event_time == EventTime(0, Precision.DAY)
    assert (found.confidence, found.extractor, found.vector) == (0.5, "rules 1", vector(1))
    assert [found] == await extract(
        item(
            type=memory_pb2.MEMORY_TYPE_EPISODIC,
            topics=["t"],
            entities=[memory_pb2.Entity(name="Alice", kind="person")],
            event_time=memory_pb2.EventTime(
                time=Timestamp(seconds=1), precision=memory_pb2.TIME_PRECISION_DAY
            ),
            confidence=0.5,
            embedding=vector(1),
        )
    )


async def test_a_vector_of_another_length_is_left_to_the_sweep():
    assert [m.vector for m in await extract(item(embedding=b"1234"), item())] == [None, None]


@pytest.mark.parametrize(
    "bad",
    [
        item(text=""),
        item(sources=[]),
        item(event_time=memory_pb2.EventTime(time=Timestamp(nanos=-1))),
    ],
)
async def test_an_answer_that_breaks_the_contract_counts_against_the_input(bad):
    with pytest.raises(ExtractionFailed):
        await extract(item(), bad)


async def test_limits_are_the_extractors_and_a_delta_has_a_message_at_least():
    stream = Stream()
    extractor = RemoteExtractor(stream, any_model, dimension=DIMENSION)
    assert await extractor.limits() == DeltaLimits(messages=1, context=3)
    await extractor.extract(CHAT, [MESSAGE], [MESSAGE], CATS)
    assert stream.deltas[0].strategy == memory_pb2.ExtractionStrategy(
        kind=memory_pb2.EXTRACTION_KIND_CUSTOM, instructions="Only cats."
    )
    assert not stream.deltas[0].messages[0].HasField("metadata")
    assert not stream.deltas[0].context[0].HasField("metadata")


async def test_a_vector_of_a_model_that_is_not_accepted_is_left_to_the_sweep():
    stream = Stream(item(embedding=vector(1)))
    (found,) = await RemoteExtractor(stream, no_model, dimension=DIMENSION).extract(
        CHAT, [], [MESSAGE], DISCRETE
    )
    assert found.vector is None


async def test_two_facts_in_the_same_words_of_other_times_have_ids_of_their_own():
    monday = memory_pb2.EventTime(time=Timestamp(seconds=1), precision="TIME_PRECISION_DAY")
    tuesday = memory_pb2.EventTime(time=Timestamp(seconds=90_000), precision="TIME_PRECISION_DAY")
    first, second = await extract(item(event_time=monday), item(event_time=tuesday))
    assert first.id != second.id
