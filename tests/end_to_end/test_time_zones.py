"""Days and hours are those of whoever speaks, from the append to the prompt."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from agentmemory.v1 import memory_pb2, memory_service_pb2
from google.protobuf.timestamp_pb2 import Timestamp

from tests.support.client import Caller, said

LATE = datetime(2026, 3, 28, 23, 30, tzinfo=UTC)  # in Berlin the 29th, the day clocks go on


def late(text: str, **fields: Any) -> memory_pb2.Message:
    message = said(text)
    message.create_time.FromDatetime(LATE)
    message.MergeFrom(memory_pb2.Message(**fields))
    return message


def starts(memory: memory_pb2.Memory) -> tuple[str, str, int]:
    time: Timestamp = memory.event_time.time
    return time.ToJsonString(), memory.event_time.time_zone, memory.event_time.precision


async def learned(
    caller: Caller, message: memory_pb2.Message, session: str = "chat", zone: str = ""
) -> list[memory_pb2.Memory]:
    request = memory_service_pb2.AppendMessagesRequest(
        scope=caller.scope(session), messages=[message]
    )
    if zone:
        request.options.time_zone = zone
    await caller.stub.AppendMessages(request)
    await caller.flush(session)
    return await caller.memories()


async def test_yesterday_is_that_of_the_message(caller: Caller) -> None:
    (memory,) = await learned(caller, late("I met Bob yesterday.", time_zone="Europe/Berlin"))
    assert memory.text == "Alice met Bob on 28 March 2026."
    day = memory_pb2.TIME_PRECISION_DAY
    assert starts(memory) == ("2026-03-27T23:00:00Z", "Europe/Berlin", day)
    prompt = await caller.stub.BuildPrompt(
        memory_service_pb2.BuildPromptRequest(scope=caller.scope("chat"), query="Who did I meet?")
    )
    assert "(28 March 2026; said 29 Mar 2026)" in prompt.messages[0].content


async def test_a_session_has_a_zone_for_messages_without_one(caller: Caller) -> None:
    (memory,) = await learned(caller, late("I meet Bob tonight at 9."), zone="America/New_York")
    minute = memory_pb2.TIME_PRECISION_MINUTE
    assert starts(memory) == ("2026-03-29T01:00:00Z", "America/New_York", minute)
    logged = (await caller.working_memory("chat")).messages[0]
    assert (logged.time_zone, logged.create_time.ToDatetime(tzinfo=UTC)) == ("", LATE)


async def test_a_message_s_own_zone_goes_before_that_of_the_session(caller: Caller) -> None:
    message = late("I met Bob today.", time_zone="+05:30")
    (memory,) = await learned(caller, message, zone="America/New_York")
    assert (memory.text, starts(memory)[1]) == ("Alice met Bob on 29 March 2026.", "+05:30")
    assert (await caller.working_memory("chat")).messages[0].time_zone == "+05:30"


async def test_a_week_is_known_as_one(caller: Caller) -> None:
    message = late("I met Bob this week.", time_zone="Europe/Berlin")
    (memory,) = await learned(caller, message)
    assert memory.text == "Alice met Bob in the week of 23 March 2026."
    week = memory_pb2.TIME_PRECISION_WEEK
    assert starts(memory) == ("2026-03-22T23:00:00Z", "Europe/Berlin", week)


async def test_the_same_day_said_in_two_zones_is_one_fact(caller: Caller) -> None:
    await learned(caller, late("I met Bob on 12 March.", time_zone="Europe/Berlin"))
    (memory,) = await learned(caller, late("I met Bob on 12 March."), session="other")
    assert {source.session_id for source in memory.sources} == {"chat", "other"}
