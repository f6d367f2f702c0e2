"""Memories that a caller puts into a session: they wait, and are promoted with the next delta."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from agentmemory.v1 import memory_pb2
from agentmemory.v1 import memory_service_pb2 as pb
from agentmemory.v1.memory_service_pb2_grpc import MemoryServiceStub
from grpc import StatusCode
from redis.asyncio import Redis

from tests.contract.refusals import (
    ETAG_MISMATCH,
    MEMORY_NOT_FOUND,
    REQUEST_ID_REUSED,
    BadCall,
    Refusal,
    assert_refused_without_a_trace,
    each_of,
    invalid,
    refusal_of,
)
from tests.contract.seed import Seed, said, session_of
from tests.contract.snapshot import snapshot

OVERLOADED = Refusal(StatusCode.RESOURCE_EXHAUSTED, "OVERLOADED")
TEA = memory_pb2.Memory(id="tea", text="Alice likes tea.", topics=["tea"], pinned=True)
TEA.metadata.update({"plan": "gold"})
BEES = memory_pb2.Memory(text="Alice keeps bees.")


@pytest.fixture
def scope(new_scope: Callable[[], memory_pb2.Scope]) -> memory_pb2.Scope:
    return session_of(new_scope(), "s1")


def giving(
    scope: memory_pb2.Scope, *memories: memory_pb2.Memory, **fields: Any
) -> pb.AppendMessagesRequest:
    return pb.AppendMessagesRequest(scope=scope, memories=memories, **fields)


async def read(memory: MemoryServiceStub, scope: memory_pb2.Scope) -> pb.GetWorkingMemoryResponse:
    return await memory.GetWorkingMemory(pb.GetWorkingMemoryRequest(scope=scope))


async def flush(memory: MemoryServiceStub, scope: memory_pb2.Scope) -> pb.FlushSessionResponse:
    return await memory.FlushSession(pb.FlushSessionRequest(scope=scope))


async def stored(memory: MemoryServiceStub, scope: memory_pb2.Scope) -> list[memory_pb2.Memory]:
    user = memory_pb2.Scope(namespace=scope.namespace, user_id=scope.user_id)
    listed = await memory.ListMemories(pb.ListMemoriesRequest(scope=user))
    return sorted(listed.memories, key=lambda each: each.create_time.ToMicroseconds())


async def test_memories_wait_in_the_session_until_it_is_extracted(
    memory: MemoryServiceStub, scope: memory_pb2.Scope
) -> None:
    appended = await memory.AppendMessages(giving(scope, TEA, BEES))
    assert (appended.last_sequence, len(appended.message_ids)) == (0, 0)
    assert appended.session.pending_memory_count == 2
    found = await read(memory, scope)
    assert found.session == appended.session
    assert [each.text for each in found.pending_memories] == [TEA.text, BEES.text]
    waiting = found.pending_memories[0]
    assert (waiting.id, waiting.topics, waiting.pinned) == ("tea", ["tea"], True)
    assert (waiting.metadata, waiting.scope) == (TEA.metadata, scope)
    assert (waiting.etag, waiting.HasField("create_time")) == ("", False)
    assert await stored(memory, scope) == []

    flushed = await flush(memory, scope)
    assert (flushed.extracted_through, flushed.revision) == (0, 2)
    tea, bees = await stored(memory, scope)
    assert (tea.id, tea.text, tea.pinned, tea.metadata) == ("tea", TEA.text, True, TEA.metadata)
    assert (tea.scope, tea.extractor, tea.confidence) == (scope, "", 1)
    assert list(tea.sources) == [memory_pb2.Source(session_id="s1")]
    assert bees.embedding_state == memory_pb2.EMBEDDING_STATE_READY
    found = await read(memory, scope)
    assert (found.session.pending_memory_count, len(found.pending_memories)) == (0, 0)


async def test_a_promoted_memory_is_found_by_its_session(
    memory: MemoryServiceStub, scope: memory_pb2.Scope
) -> None:
    await memory.AppendMessages(giving(scope, BEES))
    await flush(memory, scope)
    condition = memory_pb2.TagCondition(field=memory_pb2.TAG_FIELD_SESSION_ID, equals="s1")
    request = pb.ListMemoriesRequest(scope=scope)
    request.filter.must.add(tag=condition)
    (found,) = (await memory.ListMemories(request)).memories
    assert found.text == BEES.text
    request.filter.must[0].tag.equals = "s2"
    assert not (await memory.ListMemories(request)).memories


async def test_only_messages_count_as_pending_messages(
    memory: MemoryServiceStub, scope: memory_pb2.Scope
) -> None:
    await memory.AppendMessages(giving(scope, TEA, messages=[said()]))
    status = await memory.GetExtractionStatus(pb.GetExtractionStatusRequest(scope=scope))
    assert (status.pending_messages, status.last_sequence) == (1, 1)
    assert (await read(memory, scope)).session.pending_memory_count == 1


async def test_a_repeated_append_puts_nothing_in_twice(
    memory: MemoryServiceStub, scope: memory_pb2.Scope, database: Redis
) -> None:
    request = giving(scope, TEA, request_id="r1")
    first = await memory.AppendMessages(request)
    before = await snapshot(database)
    assert await memory.AppendMessages(request) == first
    assert await snapshot(database) == before
    await flush(memory, scope)
    assert await memory.AppendMessages(request) == first
    assert (await read(memory, scope)).session.pending_memory_count == 0
    other = giving(scope, BEES, request_id="r1")
    assert await refusal_of(memory.AppendMessages(other)) == REQUEST_ID_REUSED


async def test_what_was_promoted_and_deleted_stays_deleted(
    memory: MemoryServiceStub, scope: memory_pb2.Scope
) -> None:
    await memory.AppendMessages(giving(scope, TEA))
    await flush(memory, scope)
    user = memory_pb2.Scope(namespace=scope.namespace, user_id=scope.user_id)
    await memory.DeleteMemories(pb.DeleteMemoriesRequest(scope=user, ids=["tea"]))
    await memory.AppendMessages(giving(scope, BEES))
    await flush(memory, scope)
    assert [each.text for each in await stored(memory, scope)] == [BEES.text]


async def test_an_id_in_use_for_another_text_gives_way(
    memory: MemoryServiceStub, scope: memory_pb2.Scope
) -> None:
    await memory.AppendMessages(giving(scope, TEA, memory_pb2.Memory(id="tea", text="No milk.")))
    await flush(memory, scope)
    tea, milk = await stored(memory, scope)
    assert (tea.id, tea.text, milk.text) == ("tea", TEA.text, "No milk.")
    assert milk.id != "tea"


async def test_a_put_takes_memories_after_it_has_promoted_the_old_ones(
    memory: MemoryServiceStub, scope: memory_pb2.Scope
) -> None:
    await memory.AppendMessages(giving(scope, TEA))
    request = pb.PutWorkingMemoryRequest(
        session=memory_pb2.Session(scope=scope), memories=[BEES], request_id="r1"
    )
    put = await memory.PutWorkingMemory(request)
    assert (put.session.generation, put.session.pending_memory_count) == (2, 1)
    assert [each.text for each in await stored(memory, scope)] == [TEA.text]
    found = await read(memory, scope)
    assert found.session == put.session
    assert [each.text for each in found.pending_memories] == [BEES.text]
    await flush(memory, scope)
    assert await memory.PutWorkingMemory(request) == put
    assert len(await stored(memory, scope)) == 2


@pytest.mark.parametrize("first", [True, False])
async def test_a_delete_drops_what_waits_unless_it_extracts_first(
    memory: MemoryServiceStub, scope: memory_pb2.Scope, first: bool
) -> None:
    await memory.AppendMessages(giving(scope, TEA))
    delete = pb.DeleteWorkingMemoryRequest(scope=scope, extract_first=first)
    deleted = await memory.DeleteWorkingMemory(delete)
    assert (deleted.deleted_messages, deleted.unextracted_messages) == (0, 0)
    assert [each.text for each in await stored(memory, scope)] == [TEA.text] * first


async def test_another_user_sees_nothing_of_what_waits_or_was_promoted(
    memory: MemoryServiceStub,
    scope: memory_pb2.Scope,
    new_scope: Callable[[], memory_pb2.Scope],
) -> None:
    await memory.AppendMessages(giving(scope, TEA))
    other = session_of(new_scope(), scope.session_id)
    await memory.AppendMessages(giving(other, BEES))
    assert [m.text for m in (await read(memory, other)).pending_memories] == [BEES.text]
    await flush(memory, scope)
    user = memory_pb2.Scope(namespace=other.namespace, user_id=other.user_id)
    get = pb.GetMemoryRequest(scope=user, id="tea")
    assert await refusal_of(memory.GetMemory(get)) == MEMORY_NOT_FOUND


async def test_so_many_may_wait_and_what_does_not_fit_is_left_out(
    memory: MemoryServiceStub, scope: memory_pb2.Scope, database: Redis
) -> None:
    for n in range(8):
        large = [memory_pb2.Memory(text=f"{n} {i} {'x' * 8000}") for i in range(128)]
        await memory.AppendMessages(giving(scope, *large))
    before = await snapshot(database)
    assert await refusal_of(memory.AppendMessages(giving(scope, TEA))) == OVERLOADED
    assert await snapshot(database) == before
    found = await read(memory, scope)
    assert found.session.pending_memory_count == 1024
    assert 300 < len(found.pending_memories) < 1024
    assert found.pending_memories[0].text.startswith("0 0 ")
    assert found.ByteSize() < 4 * 1024 * 1024
    await memory.DeleteWorkingMemory(pb.DeleteWorkingMemoryRequest(scope=scope))


async def test_an_erased_user_leaves_nothing_that_waited(
    memory: MemoryServiceStub, scope: memory_pb2.Scope
) -> None:
    await memory.AppendMessages(giving(scope, TEA))
    user = memory_pb2.Scope(namespace=scope.namespace, user_id=scope.user_id)
    await memory.EraseUser(pb.EraseUserRequest(scope=user))
    found = await memory.GetWorkingMemory(
        pb.GetWorkingMemoryRequest(scope=scope, create_if_missing=True)
    )
    assert (len(found.pending_memories), found.session.pending_memory_count) == (0, 0)


def bad(*memories: memory_pb2.Memory, **fields: Any) -> Callable[[Seed], Any]:
    return lambda seed: giving(seed.session, *memories, **fields)


@each_of(
    ("neither messages nor memories", bad(), invalid("messages")),
    ("options alone", bad(options=memory_pb2.SessionOptions()), invalid("messages")),
    ("too many memories", bad(*[BEES] * 129), invalid("memories")),
    ("no text", bad(BEES, memory_pb2.Memory()), invalid("memories[1].text")),
    (
        "superseding",
        bad(memory_pb2.Memory(text="x", supersedes=["y"])),
        invalid("memories[0].supersedes"),
    ),
    (
        "a message",
        bad(memory_pb2.Memory(text="x", type="MEMORY_TYPE_MESSAGE")),
        invalid("memories[0].type"),
    ),
    ("other etag", bad(TEA, etag="1-0"), ETAG_MISMATCH),
    ("request id reused", bad(TEA, request_id="s1"), REQUEST_ID_REUSED),
    (
        "put with too many",
        lambda seed: pb.PutWorkingMemoryRequest(
            session=memory_pb2.Session(scope=seed.session), memories=[BEES] * 129
        ),
        invalid("memories"),
    ),
    (
        "put with a bad one",
        lambda seed: pb.PutWorkingMemoryRequest(
            session=memory_pb2.Session(scope=seed.session), memories=[memory_pb2.Memory()]
        ),
        invalid("memories[0].text"),
    ),
)
async def test_bad_memories_in_a_session_are_refused_and_change_nothing(
    bad_call: BadCall, memory: MemoryServiceStub, seed: Seed, database: Redis
) -> None:
    await assert_refused_without_a_trace(bad_call, memory, seed, database)
