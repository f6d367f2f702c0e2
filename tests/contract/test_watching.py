"""WatchMemories over real sockets: order, resuming, types, owners, and its refusals."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from agentmemory.v1 import memory_pb2
from agentmemory.v1 import memory_service_pb2 as pb
from agentmemory.v1.memory_service_pb2_grpc import MemoryServiceStub
from grpc import StatusCode
from redis.asyncio import Redis

from examples.stack import Stack
from memory_service.domain.owner import Owner
from memory_service.store.keys import OwnerKeys
from tests.contract.refusals import Refusal, invalid, refusal_of
from tests.contract.seed import said, session_of
from tests.contract.test_deadlines import idle

UNAVAILABLE = Refusal(StatusCode.UNAVAILABLE, "STORE_UNAVAILABLE")
TRIMMED = Refusal(StatusCode.OUT_OF_RANGE, "REVISION_TRIMMED")
Scopes = Callable[[], memory_pb2.Scope]


@asynccontextmanager
async def watch(
    memory: MemoryServiceStub, scope: memory_pb2.Scope, **arguments: Any
) -> AsyncIterator[Any]:
    call: Any = memory.WatchMemories(pb.WatchMemoriesRequest(scope=scope, **arguments))
    try:
        async with asyncio.timeout(20):
            yield call
    finally:
        call.cancel()


async def take(call: Any, count: int) -> list[pb.WatchMemoriesResponse]:
    return [await call.read() for _ in range(count)]


async def create(memory: MemoryServiceStub, scope: memory_pb2.Scope, *texts: str) -> list[str]:
    request = pb.CreateMemoriesRequest(
        scope=scope, memories=[memory_pb2.Memory(text=text) for text in texts]
    )
    created: pb.CreateMemoriesResponse = await memory.CreateMemories(request)
    return [result.memory.id for result in created.results]


def told(answers: list[pb.WatchMemoriesResponse]) -> list[tuple[int, str, str]]:
    return [
        (a.revision, pb.ChangeKind.Name(a.change.kind).split("_")[-1], a.change.memory.text)
        for a in answers
    ]


async def test_changes_are_told_in_order_as_they_come(
    memory: MemoryServiceStub, new_scope: Scopes
) -> None:
    scope = new_scope()
    async with watch(memory, scope) as call:
        (began,) = await take(call, 1)
        assert (began.revision, began.HasField("change")) == (0, False)
        first, _ = await create(memory, scope, "Alice keeps bees.", "Alice plays the cello.")
        created = await take(call, 2)
        await memory.DeleteMemories(pb.DeleteMemoriesRequest(scope=scope, ids=[first]))
        (deleted,) = await take(call, 1)
    assert told(created) == [
        (1, "CREATED", "Alice keeps bees."),
        (2, "CREATED", "Alice plays the cello."),
    ]
    assert told([deleted]) == [(3, "DELETED", "")]
    assert (deleted.change.memory_id, deleted.change.HasField("memory")) == (first, False)
    assert created[0].change.memory.scope == scope


async def test_a_watch_is_resumed_where_another_ended(
    memory: MemoryServiceStub, new_scope: Scopes
) -> None:
    scope = new_scope()
    await create(memory, scope, "One.", "Two.", "Three.")
    async with watch(memory, scope, after_revision=0) as call:
        last = (await take(call, 2))[-1]
    async with watch(memory, scope, after_revision=last.revision) as call:
        answers = await take(call, 3)
    assert told(answers[1:]) == [(2, "CREATED", "Two."), (3, "CREATED", "Three.")]


async def test_a_watch_whose_caller_has_left_is_over(
    memory: MemoryServiceStub, new_scope: Scopes, stack: Stack
) -> None:
    async with watch(memory, new_scope()) as call:
        await take(call, 1)
    await idle(stack)


async def test_only_the_types_asked_for_are_told(
    memory: MemoryServiceStub, new_scope: Scopes
) -> None:
    scope = new_scope()
    await create(memory, scope, "Alice keeps bees.")
    request = pb.CreateMemoriesRequest(
        scope=scope,
        memories=[memory_pb2.Memory(text="Alice fell.", type=memory_pb2.MEMORY_TYPE_EPISODIC)],
    )
    await memory.CreateMemories(request)
    types = [memory_pb2.MEMORY_TYPE_EPISODIC]
    async with watch(memory, scope, after_revision=0, types=types) as call:
        answers = await take(call, 2)
    assert told(answers[1:]) == [(2, "CREATED", "Alice fell.")]


async def test_what_is_extracted_is_told(memory: MemoryServiceStub, new_scope: Scopes) -> None:
    scope = new_scope()
    chat = session_of(scope, "chat")
    async with watch(memory, scope) as call:
        await take(call, 1)
        await memory.AppendMessages(
            pb.AppendMessagesRequest(scope=chat, messages=[said("I live in Oslo.", name="Alice")])
        )
        await memory.FlushSession(pb.FlushSessionRequest(scope=chat))
        (answer,) = await take(call, 1)
    assert answer.change.memory.text == "Alice lives in Oslo."
    assert answer.change.memory.sources[0].session_id == "chat"


async def test_another_owners_changes_are_never_told(
    memory: MemoryServiceStub, new_scope: Scopes
) -> None:
    hers, his = new_scope(), new_scope()
    async with watch(memory, his) as call:
        await take(call, 1)
        await create(memory, hers, "A secret.")
        await create(memory, his, "No secret.")
        assert told(await take(call, 1)) == [(1, "CREATED", "No secret.")]


@pytest.mark.parametrize(
    ("arguments", "refusal"),
    [
        ({"after_revision": -1}, invalid("after_revision")),
        ({"after_revision": 3}, TRIMMED),
        ({"after_revision": 2**63 - 1}, TRIMMED),
        ({"types": [99]}, invalid("types[0]")),
        ({"types": [memory_pb2.MEMORY_TYPE_UNSPECIFIED]}, invalid("types[0]")),
        ({"types": [memory_pb2.MEMORY_TYPE_SEMANTIC] * 17}, invalid("types")),
    ],
)
async def test_a_bad_watch_is_refused(
    memory: MemoryServiceStub, new_scope: Scopes, arguments: dict[str, Any], refusal: Refusal
) -> None:
    scope = new_scope()
    await create(memory, scope, "One.", "Two.")
    async with watch(memory, scope, **arguments) as call:
        assert await refusal_of(call.read()) == refusal


async def test_a_scope_that_is_too_long_is_refused(memory: MemoryServiceStub) -> None:
    async with watch(memory, memory_pb2.Scope(user_id="x" * 129)) as call:
        assert await refusal_of(call.read()) == invalid("scope.user_id")


async def test_a_feed_that_was_trimmed_is_refused(
    memory: MemoryServiceStub, new_scope: Scopes, database: Redis
) -> None:
    scope = new_scope()
    await create(memory, scope, "One.", "Two.", "Three.")
    owner = Owner.user("default", scope.namespace, scope.user_id)
    assert await database.xtrim(OwnerKeys(owner).changes, maxlen=1, approximate=False) == 2
    async with watch(memory, scope, after_revision=1) as call:
        assert await refusal_of(call.read()) == TRIMMED
    async with watch(memory, scope, after_revision=2) as call:
        assert told((await take(call, 2))[1:]) == [(3, "CREATED", "Three.")]


async def test_a_watcher_who_does_not_read_slows_nobody(
    memory: MemoryServiceStub, new_scope: Scopes
) -> None:
    scope = new_scope()
    long = "x" * 8000
    async with watch(memory, scope) as slow, watch(memory, scope) as quick:
        await take(slow, 1)
        await take(quick, 1)
        for n in range(4):
            await create(memory, scope, *(f"{n} {i} {long}" for i in range(64)))
        assert [answer.revision for answer in await take(quick, 256)] == list(range(1, 257))
        assert [answer.revision for answer in await take(slow, 256)] == list(range(1, 257))


@asynccontextmanager
async def withheld(database: Redis, command: str) -> AsyncIterator[None]:
    """While Redis does not let the service run the command."""
    await database.execute_command("ACL", "SETUSER", "default", f"-{command}")
    try:
        yield
    finally:
        await database.execute_command("ACL", "SETUSER", "default", "+@all")


@pytest.mark.parametrize("command", ["hmget", "xrange", "xinfo", "multi"])
async def test_a_redis_that_refuses_to_read_the_feed_is_unavailable(
    command: str, memory: MemoryServiceStub, new_scope: Scopes, database: Redis
) -> None:
    scope = new_scope()
    await create(memory, scope, "Alice keeps bees.")
    async with withheld(database, command), watch(memory, scope, after_revision=0) as call:
        assert await refusal_of(call.read()) == UNAVAILABLE


async def test_a_redis_that_comes_to_refuse_ends_a_watch_as_unavailable(
    memory: MemoryServiceStub, new_scope: Scopes, database: Redis
) -> None:
    scope = new_scope()
    async with watch(memory, scope) as call:
        await take(call, 1)
        async with withheld(database, "hget"):
            assert await refusal_of(call.read()) == UNAVAILABLE
    async with watch(memory, scope) as call:
        assert await take(call, 1)
