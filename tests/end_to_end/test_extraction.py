"""From turns to memories, when nothing goes wrong."""

from __future__ import annotations

import grpc
from agentmemory.v1 import memory_pb2

from tests.support.client import Caller, comparable, refusal, said
from tests.support.waiting import wait_until


async def test_memories_appear_by_themselves(caller: Caller) -> None:
    await caller.say("chat", "I live in Oslo.", "What about you?", "I am allergic to nuts.")

    async def extracted() -> bool:
        return await caller.extracted("chat") == 3

    await wait_until(extracted, "the session is extracted", seconds=10)
    assert await caller.texts() == {"Alice lives in Oslo.", "Alice is allergic to nuts."}


async def test_a_flush_leaves_nothing_to_do(caller: Caller) -> None:
    await caller.say("chat", "I live in Oslo.")
    flushed = await caller.flush("chat")
    status = await caller.status("chat")
    assert flushed.extracted_through == status.extracted_through == status.last_sequence == 1
    assert (status.pending_messages, len(status.failed_ranges)) == (0, 0)


async def test_a_flush_says_from_which_revision_on_its_memories_are_found(caller: Caller) -> None:
    await caller.say("chat", "I live in Oslo.", "I have a dog.")
    revision = (await caller.flush("chat")).revision
    assert revision == max(memory.revision for memory in await caller.memories()) == 4


async def test_a_flush_of_a_session_that_is_not_there_is_refused(caller: Caller) -> None:
    refused = await refusal(caller.flush("nowhere"))
    assert refused == (grpc.StatusCode.NOT_FOUND, "SESSION_NOT_FOUND")


async def test_flushing_twice_adds_nothing(caller: Caller) -> None:
    await caller.say("chat", "I live in Oslo.", "I have a dog.")
    first = await caller.flush("chat")
    before = await caller.memories()
    second = await caller.flush("chat")
    assert (second.extracted_through, second.revision) == (first.extracted_through, first.revision)
    assert await caller.memories() == before


async def test_an_append_repeated_with_its_request_id_adds_nothing(caller: Caller) -> None:
    turn = [said("I live in Oslo.")]
    first = await caller.append("chat", turn, request_id="r1")
    await caller.flush("chat")
    before = await caller.memories()
    again = await caller.append("chat", turn, request_id="r1")
    await caller.flush("chat")
    assert again == first
    assert len((await caller.working_memory("chat")).messages) == 1
    assert await caller.memories() == before
    assert len(before) == 1


async def test_a_request_id_used_for_other_messages_is_refused(caller: Caller) -> None:
    await caller.append("chat", [said("I live in Oslo.")], request_id="r1")
    refused = await refusal(caller.append("chat", [said("I live in Rome.")], request_id="r1"))
    assert refused == (grpc.StatusCode.ALREADY_EXISTS, "REQUEST_ID_REUSED")
    assert len((await caller.working_memory("chat")).messages) == 1


async def test_a_message_repeated_with_its_id_adds_nothing(caller: Caller) -> None:
    for _ in range(2):
        await caller.append("chat", [said("I live in Oslo.", id_="m1")])
    await caller.flush("chat")
    assert len((await caller.working_memory("chat")).messages) == 1
    assert len(await caller.memories()) == 1


async def test_the_same_words_said_again_are_another_source_of_the_same_memory(
    caller: Caller,
) -> None:
    await caller.append("monday", [said("I live in Oslo.", id_="m1")])
    await caller.flush("monday")
    await caller.append("tuesday", [said("I live in Oslo!", id_="t1")])
    await caller.flush("tuesday")
    (memory,) = await caller.memories()
    sources = [(source.session_id, source.message_id) for source in memory.sources]
    assert sources == [("monday", "m1"), ("tuesday", "t1")]


async def test_each_speaker_is_remembered_by_name_and_the_assistant_is_not(caller: Caller) -> None:
    assistant = memory_pb2.Message(role=memory_pb2.ROLE_ASSISTANT, content="I live in a cloud.")
    tom = said("I live in Rome.", name="Tom")
    await caller.append("chat", [said("I live in Oslo."), assistant, tom])
    await caller.flush("chat")
    assert await caller.texts() == {"Alice lives in Oslo.", "Tom lives in Rome."}


async def test_a_relative_date_counts_from_when_the_message_was_said(caller: Caller) -> None:
    message = said("I moved to Oslo last Monday.")
    message.create_time.FromJsonString("2023-06-15T12:00:00Z")  # a Thursday
    await caller.append("chat", [message])
    await caller.flush("chat")
    (memory,) = await caller.memories()
    assert memory.text == "Alice moved to Oslo on 12 June 2023."
    assert memory.event_time.time.ToJsonString() == "2023-06-12T00:00:00Z"
    assert memory.event_time.precision == memory_pb2.TIME_PRECISION_DAY


async def test_deleting_a_session_keeps_what_was_learned_in_it(caller: Caller) -> None:
    await caller.say("chat", "I live in Oslo.")
    await caller.flush("chat")
    before = comparable(await caller.memories())
    await caller.delete_session("chat")
    assert await caller.sessions() == []
    assert comparable(await caller.memories()) == before


async def test_a_session_made_again_after_its_deletion_is_extracted_from_its_beginning(
    caller: Caller,
) -> None:
    await caller.say("chat", "I live in Oslo.", "I have a dog.")
    await caller.flush("chat")
    await caller.delete_session("chat")
    await caller.say("chat", "I play the cello.")
    await caller.flush("chat")
    assert "Alice plays the cello." in await caller.texts()
