"""What a caller sees of a session that is replaced, patched, and tried again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from agentmemory.v1 import memory_pb2
from agentmemory.v1 import memory_service_pb2 as pb
from agentmemory.v1.memory_service_pb2_grpc import MemoryServiceStub
from google.protobuf.struct_pb2 import Struct
from redis.asyncio import Redis

from memory_service.domain.failed_ranges import FailedRange
from memory_service.domain.owner import Owner
from memory_service.store.keys import OwnerKeys
from memory_service.store.session_records import encode_failed
from tests.contract.refusals import ETAG_MISMATCH, refusal_of
from tests.contract.seed import said, session_of
from tests.contract.snapshot import snapshot

MODES = {
    pb.PATCH_MODE_UNSPECIFIED: {"a": {"y": None}, "b": 2},
    pb.PATCH_MODE_MERGE: {"a": {"y": None}, "b": 2},
    pb.PATCH_MODE_REPLACE: {"a": {"y": None}},
    pb.PATCH_MODE_DEEP_MERGE: {"a": {"x": 1}, "b": 2},
}


def struct(value: dict[str, object]) -> Struct:
    found = Struct()
    found.update(value)
    return found


@pytest.fixture
def scope(new_scope: Callable[[], memory_pb2.Scope]) -> memory_pb2.Scope:
    return session_of(new_scope(), "s1")


def putting(scope: memory_pb2.Scope, *texts: str, **fields: str) -> pb.PutWorkingMemoryRequest:
    session = memory_pb2.Session(
        scope=scope, data=struct({"a": {"x": 1, "y": 2}, "b": 2}), context="About bees."
    )
    messages = [said(text, name="Alice", id=f"m{n}") for n, text in enumerate(texts)]
    return pb.PutWorkingMemoryRequest(session=session, messages=messages, **fields)


async def read(memory: MemoryServiceStub, scope: memory_pb2.Scope) -> pb.GetWorkingMemoryResponse:
    return await memory.GetWorkingMemory(pb.GetWorkingMemoryRequest(scope=scope))


async def remembered(memory: MemoryServiceStub, scope: memory_pb2.Scope) -> int:
    user = memory_pb2.Scope(namespace=scope.namespace, user_id=scope.user_id)
    return (await memory.ListMemories(pb.ListMemoriesRequest(scope=user))).total_size


async def test_a_session_that_is_put_is_read_back_whole(
    memory: MemoryServiceStub, scope: memory_pb2.Scope
) -> None:
    request = putting(scope, "I keep bees.", "I live in Lisbon.")
    put = (await memory.PutWorkingMemory(request)).session
    found = await read(memory, scope)
    assert found.session == put
    assert (put.generation, put.message_count, put.extracted_through) == (1, 2, 0)
    assert (put.data, put.context, put.scope) == (request.session.data, "About bees.", scope)
    assert [message.content for message in found.messages] == ["I keep bees.", "I live in Lisbon."]
    assert [message.id for message in found.messages] == ["m0", "m1"]
    assert [message.sequence for message in found.messages] == [1, 2]


async def test_a_put_extracts_what_was_there_and_starts_a_new_generation(
    memory: MemoryServiceStub, scope: memory_pb2.Scope
) -> None:
    old = (await memory.PutWorkingMemory(putting(scope, "I keep bees."))).session
    assert await remembered(memory, scope) == 0
    again = putting(scope, "I live in Lisbon.", etag=old.etag)
    new = (await memory.PutWorkingMemory(again)).session
    assert await remembered(memory, scope) == 1
    assert (new.generation, new.message_count) == (2, 1)
    assert new.etag != old.etag
    assert await refusal_of(memory.PutWorkingMemory(again)) == ETAG_MISMATCH
    await memory.FlushSession(pb.FlushSessionRequest(scope=scope))
    assert await remembered(memory, scope) == 2


async def test_another_etag_keeps_a_session_from_being_extracted_and_deleted(
    memory: MemoryServiceStub, scope: memory_pb2.Scope, database: Redis
) -> None:
    await memory.AppendMessages(
        pb.AppendMessagesRequest(scope=scope, messages=[said("I live in Oslo.")])
    )
    before = await snapshot(database)
    delete = pb.DeleteWorkingMemoryRequest(scope=scope, etag="1-0", extract_first=True)
    assert await refusal_of(memory.DeleteWorkingMemory(delete)) == ETAG_MISMATCH
    assert await snapshot(database) == before


async def test_repeats_of_a_delete_at_the_same_time_are_answered_alike(
    memory: MemoryServiceStub, scope: memory_pb2.Scope
) -> None:
    await memory.AppendMessages(
        pb.AppendMessagesRequest(scope=scope, messages=[said("I live in Oslo.")])
    )
    delete = pb.DeleteWorkingMemoryRequest(scope=scope, extract_first=True, request_id="r1")
    deleted = await asyncio.gather(*(memory.DeleteWorkingMemory(delete) for _ in range(12)))
    assert {each.deleted_messages for each in deleted} == {1}


async def test_output_only_fields_of_what_is_put_are_ignored(
    memory: MemoryServiceStub, scope: memory_pb2.Scope
) -> None:
    request = putting(scope)
    request.session.MergeFrom(
        memory_pb2.Session(generation=7, etag="x", message_count=9, extracted_through=9)
    )
    put = (await memory.PutWorkingMemory(request)).session
    assert (put.generation, put.message_count, put.extracted_through) == (1, 0, 0)


async def test_a_repeated_put_answers_alike_and_changes_nothing(
    memory: MemoryServiceStub, scope: memory_pb2.Scope, database: Redis
) -> None:
    request = putting(scope, "I keep bees.", request_id="r1")
    first = await memory.PutWorkingMemory(request)
    await memory.AppendMessages(pb.AppendMessagesRequest(scope=scope, messages=[said()]))
    before = await snapshot(database)
    assert await memory.PutWorkingMemory(request) == first
    assert await snapshot(database) == before


async def test_lists_and_appends_leave_out_what_may_be_large(
    memory: MemoryServiceStub, scope: memory_pb2.Scope
) -> None:
    await memory.PutWorkingMemory(putting(scope))
    appended = await memory.AppendMessages(pb.AppendMessagesRequest(scope=scope, messages=[said()]))
    user = memory_pb2.Scope(namespace=scope.namespace, user_id=scope.user_id)
    (listed,) = (await memory.ListSessions(pb.ListSessionsRequest(scope=user))).sessions
    for session in (appended.session, listed):
        assert (session.HasField("data"), session.context) == (False, "")
    kept = (await read(memory, scope)).session
    assert (kept.HasField("data"), kept.context) == (True, "About bees.")


@pytest.mark.parametrize("mode", MODES)
async def test_each_mode_of_a_patch_does_what_the_contract_says(
    mode: pb.PatchMode.ValueType, memory: MemoryServiceStub, scope: memory_pb2.Scope
) -> None:
    put = (await memory.PutWorkingMemory(putting(scope, "I keep bees."))).session
    request = pb.PatchWorkingMemoryDataRequest(
        scope=scope, data=struct({"a": {"y": None}}), mode=mode, etag=put.etag, request_id="r1"
    )
    patched = await memory.PatchWorkingMemoryData(request)
    assert patched.session.data == struct(MODES[mode])
    assert patched.session.etag != put.etag
    assert patched.session.context == "About bees."
    assert (await read(memory, scope)).session == patched.session
    assert await memory.PatchWorkingMemoryData(request) == patched
    request.request_id = ""
    assert await refusal_of(memory.PatchWorkingMemoryData(request)) == ETAG_MISMATCH


async def test_an_appended_session_can_be_patched_from_nothing(
    memory: MemoryServiceStub, scope: memory_pb2.Scope
) -> None:
    await memory.AppendMessages(pb.AppendMessagesRequest(scope=scope, messages=[said()]))
    data = struct({"a": {"b": [1, None, {"c": "ü"}]}, "": False})
    await memory.PatchWorkingMemoryData(pb.PatchWorkingMemoryDataRequest(scope=scope, data=data))
    assert (await read(memory, scope)).session.data == data


async def test_what_failed_is_extracted_again_when_it_is_asked_for(
    memory: MemoryServiceStub, scope: memory_pb2.Scope, database: Redis
) -> None:
    await memory.PutWorkingMemory(putting(scope, "I keep bees.", "I live in Lisbon."))
    await give_up(database, scope, FailedRange(2, 2, "EXTRACTION_FAILED", 5))
    await memory.FlushSession(pb.FlushSessionRequest(scope=scope))
    assert await remembered(memory, scope) == 0
    status = pb.GetExtractionStatusRequest(scope=scope)
    assert [r.first_sequence for r in (await memory.GetExtractionStatus(status)).failed_ranges] == [
        2
    ]

    request = pb.RetryExtractionRequest(scope=scope, first_sequences=[2], request_id="r1")
    assert (await memory.RetryExtraction(request)).pending_messages == 1
    waiting = await memory.GetExtractionStatus(status)
    assert (waiting.pending_messages, waiting.extracted_through) == (1, 2)
    assert not waiting.failed_ranges

    await memory.FlushSession(pb.FlushSessionRequest(scope=scope))
    done = await memory.GetExtractionStatus(status)
    assert (done.pending_messages, len(done.failed_ranges)) == (0, 0)
    assert await remembered(memory, scope) == 1
    assert (await memory.RetryExtraction(request)).pending_messages == 1
    again = pb.RetryExtractionRequest(scope=scope)
    assert (await memory.RetryExtraction(again)).pending_messages == 0


@pytest.mark.parametrize("retrying", [False, True])
async def test_a_delete_counts_what_failed_among_what_was_not_extracted(
    memory: MemoryServiceStub, scope: memory_pb2.Scope, database: Redis, retrying: bool
) -> None:
    await memory.PutWorkingMemory(putting(scope, "One.", "Two.", "Three.", "Four."))
    await give_up(database, scope, FailedRange(2, 3, "EXTRACTION_FAILED", 5, retrying))
    deleted = await memory.DeleteWorkingMemory(pb.DeleteWorkingMemoryRequest(scope=scope))
    # The first was extracted, the last not yet.
    assert (deleted.deleted_messages, deleted.unextracted_messages) == (4, 3)


async def give_up(database: Redis, scope: memory_pb2.Scope, failed: FailedRange) -> None:
    """Leave the session as it is after the extractor gave these messages up."""
    owner = Owner.user("default", scope.namespace, scope.user_id)
    key = OwnerKeys(owner).session(scope.session_id)
    assert await database.exists(key)
    fields = {"cursor": str(failed.last), "failed_ranges": encode_failed([failed])}
    await database.hset(key, mapping=fields)
