"""What the assistant did is remembered where the session's strategy asks for it."""

from __future__ import annotations

from agentmemory.v1 import memory_pb2, memory_service_pb2
from google.protobuf.timestamp_pb2 import Timestamp

from tests.support.client import Caller, said

TUESDAY = Timestamp(seconds=1_780_401_600)  # 2 June 2026, 12:00
BOOKED = "I've booked you a table at Nobu for Friday at 8. Shall I order a taxi?"


async def talk(caller: Caller, *, include: bool) -> memory_pb2.Session:
    wish = said("Get me a table at Nobu, please.")
    done = memory_pb2.Message(role=memory_pb2.ROLE_ASSISTANT, content=BOOKED)
    for message in (wish, done):
        message.create_time.CopyFrom(TUESDAY)
    request = memory_service_pb2.AppendMessagesRequest(
        scope=caller.scope("chat"), messages=[wish, done]
    )
    request.options.strategy.include_assistant = include
    session = (await caller.stub.AppendMessages(request)).session
    await caller.flush("chat")
    return session


async def test_a_deed_of_the_assistant_is_remembered(caller: Caller) -> None:
    session = await talk(caller, include=True)
    assert session.options.strategy.include_assistant
    (memory,) = await caller.memories()
    assert memory.text == "The assistant booked Alice a table at Nobu on 5 June 2026 at 20:00."
    assert memory.type == memory_pb2.MEMORY_TYPE_EPISODIC
    assert memory.event_time.time.ToJsonString() == "2026-06-05T20:00:00Z"
    (source,) = memory.sources
    words = BOOKED.encode()[source.start : source.end].decode()
    assert (source.message_id, words) == ("2", BOOKED.partition(".")[0])


async def test_by_default_nothing_of_the_assistant_is(caller: Caller) -> None:
    await talk(caller, include=False)
    assert await caller.memories() == []
