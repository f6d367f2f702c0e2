"""EraseUser over real sockets: nothing answers any more, of this user and of no other."""

from __future__ import annotations

import time
from collections.abc import Callable

from agentmemory.v1 import memory_pb2
from agentmemory.v1 import memory_service_pb2 as pb
from agentmemory.v1.memory_service_pb2_grpc import MemoryServiceStub
from grpc import StatusCode
from redis.asyncio import Redis

from tests.contract.refusals import (
    MEMORY_NOT_FOUND,
    SESSION_NOT_FOUND,
    BadCall,
    Refusal,
    assert_refused_without_a_trace,
    each_of,
    invalid,
    refusal_of,
)
from tests.contract.seed import TEXTS, Seed, said, session_of, sow
from tests.contract.snapshot import snapshot

Scopes = Callable[[], memory_pb2.Scope]


async def erase(
    memory: MemoryServiceStub, scope: memory_pb2.Scope, request_id: str = ""
) -> pb.EraseUserResponse:
    receipt: pb.EraseUserResponse = await memory.EraseUser(
        pb.EraseUserRequest(scope=scope, request_id=request_id)
    )
    return receipt


async def texts_of(memory: MemoryServiceStub, scope: memory_pb2.Scope) -> set[str]:
    listed = await memory.ListMemories(pb.ListMemoriesRequest(scope=scope))
    return {each.text for each in listed.memories}


async def test_nothing_of_an_erased_user_answers(
    memory: MemoryServiceStub, new_scope: Scopes, database: Redis
) -> None:
    scope = new_scope()
    sown = await sow(memory, scope, new_scope())
    began = time.time()
    stored = len(await texts_of(memory, scope))
    receipt = await erase(memory, scope)
    assert (receipt.memories, receipt.sessions) == (stored + 2, 2)  # And a turn of each session.
    assert receipt.keys > receipt.memories + receipt.sessions
    assert began - 1 <= receipt.verify_time.ToMicroseconds() / 1e6 <= time.time() + 1
    assert await texts_of(memory, scope) == set()
    for mode in (memory_pb2.SEARCH_MODE_KEYWORD, memory_pb2.SEARCH_MODE_SEMANTIC):
        for text in TEXTS:
            found = await memory.SearchMemories(
                pb.SearchMemoriesRequest(
                    scope=scope, query=text, options=memory_pb2.SearchOptions(mode=mode)
                )
            )
            assert list(found.hits) == []
    for id_ in sown.memory_ids:
        get = memory.GetMemory(pb.GetMemoryRequest(scope=scope, id=id_))
        assert await refusal_of(get) == MEMORY_NOT_FOUND
    read = memory.GetWorkingMemory(pb.GetWorkingMemoryRequest(scope=sown.session))
    assert await refusal_of(read) == SESSION_NOT_FOUND
    sessions = await memory.ListSessions(pb.ListSessionsRequest(scope=scope))
    assert (list(sessions.sessions), sessions.total_size) == ([], 0)
    user = scope.user_id.replace(" ", "%20")
    left = [key for key in await snapshot(database) if key.decode().split(":")[6:7] == [user]]
    assert [key.decode().split(":")[1] for key in left] == ["own"]


async def test_other_users_keep_what_they_have(
    memory: MemoryServiceStub, new_scope: Scopes
) -> None:
    hers, his = new_scope(), new_scope()
    for scope in (hers, his):
        await sow(memory, scope, new_scope())
    before = await texts_of(memory, his)
    await erase(memory, hers)
    assert await texts_of(memory, his) == before
    session = session_of(his, "s1")
    read = await memory.GetWorkingMemory(pb.GetWorkingMemoryRequest(scope=session))
    assert len(read.messages) == 1


async def test_a_repeat_returns_the_first_receipt_and_erases_nothing(
    memory: MemoryServiceStub, new_scope: Scopes
) -> None:
    scope = new_scope()
    await sow(memory, scope, new_scope())
    receipt = await erase(memory, scope, "erase 1")
    await memory.CreateMemories(
        pb.CreateMemoriesRequest(scope=scope, memories=[memory_pb2.Memory(text="New.")])
    )
    assert await erase(memory, scope, "erase 1") == receipt
    assert await texts_of(memory, scope) == {"New."}
    again = await erase(memory, scope, "erase 2")
    assert (again.memories, again.sessions) == (1, 0)
    other = pb.EraseUserRequest(
        scope=memory_pb2.Scope(namespace="other", user_id=scope.user_id), request_id="erase 1"
    )
    assert (await memory.EraseUser(other)).memories == 0


async def test_an_erased_users_request_ids_are_new_again(
    memory: MemoryServiceStub, new_scope: Scopes
) -> None:
    scope = new_scope()
    await sow(memory, scope, new_scope())
    await erase(memory, scope)
    created = await memory.CreateMemories(
        pb.CreateMemoriesRequest(
            scope=scope, memories=[memory_pb2.Memory(text="Else.")], request_id="r1"
        )
    )
    assert created.results[0].outcome == pb.CREATE_OUTCOME_CREATED


async def test_revisions_go_on_and_watches_do_not(
    memory: MemoryServiceStub, new_scope: Scopes
) -> None:
    scope = new_scope()
    request = pb.CreateMemoriesRequest(scope=scope, memories=[memory_pb2.Memory(text="Before.")])
    before = (await memory.CreateMemories(request)).revision
    watch = memory.WatchMemories(pb.WatchMemoriesRequest(scope=scope))
    assert (await watch.read()).revision == before
    await erase(memory, scope)
    trimmed = Refusal(StatusCode.OUT_OF_RANGE, "REVISION_TRIMMED")
    assert await refusal_of(watch.read()) == trimmed
    after = await memory.CreateMemories(request)
    assert after.revision > before + 1
    resumed = memory.WatchMemories(pb.WatchMemoriesRequest(scope=scope, after_revision=before))
    assert await refusal_of(resumed.read()) == trimmed


async def test_a_session_begun_anew_is_extracted_as_any_other(
    memory: MemoryServiceStub, new_scope: Scopes
) -> None:
    scope = new_scope()
    chat = session_of(scope, "chat")
    for town in ("Oslo", "Rome"):
        await memory.AppendMessages(
            pb.AppendMessagesRequest(
                scope=chat, messages=[said(f"I live in {town}.", id="m1", name="Alice")]
            )
        )
        await memory.FlushSession(pb.FlushSessionRequest(scope=chat))
        assert await texts_of(memory, scope) == {f"Alice lives in {town}."}
        await erase(memory, scope)


async def test_the_unknown_user_is_erased_without_a_trace(
    memory: MemoryServiceStub, new_scope: Scopes, database: Redis
) -> None:
    before = await snapshot(database)
    receipt = await erase(memory, new_scope())
    assert (receipt.memories, receipt.sessions, receipt.keys) == (0, 0, 0)
    assert receipt.HasField("verify_time")
    assert await snapshot(database) == before


@each_of(
    ("no scope", lambda _: pb.EraseUserRequest(), invalid("scope.user_id")),
    (
        "no user",
        lambda _: pb.EraseUserRequest(scope=memory_pb2.Scope(namespace="contract")),
        invalid("scope.user_id"),
    ),
    (
        "one session only",
        lambda seed: pb.EraseUserRequest(scope=seed.session),
        invalid("scope.session_id"),
    ),
    (
        "user id too long",
        lambda _: pb.EraseUserRequest(scope=memory_pb2.Scope(user_id="x" * 129)),
        invalid("scope.user_id"),
    ),
    (
        "request id with control",
        lambda seed: pb.EraseUserRequest(scope=seed.user, request_id="\r"),
        invalid("request_id"),
    ),
)
async def test_a_bad_erasure_is_refused_and_changes_nothing(
    bad_call: BadCall, memory: MemoryServiceStub, seed: Seed, database: Redis
) -> None:
    await assert_refused_without_a_trace(bad_call, memory, seed, database)
