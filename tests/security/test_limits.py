"""Limits on running services: what a tenant is told, and that others do not notice."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc.aio
import pytest
from agentmemory.v1 import memory_pb2
from agentmemory.v1 import memory_service_pb2 as pb
from redis.asyncio import Redis

from examples.stack import Stack
from memory_service.store.keys import streams_key
from service_kit.errors import ServiceError, read_error
from tests.security.callers import SERVICE, Callers
from tests.support.certificates import AUDIENCE, ISSUER, Issuer
from tests.support.stack import memory_in
from tests.support.stack import serving as started
from tests.support.waiting import wait_until

LIMITS = {
    "MEMORY_EXTRACTION": "false",
    "MEMORY_OWNER_MAX_MEMORIES": "3",
    "MEMORY_OWNER_MAX_SESSIONS": "2",
    "MEMORY_TENANT_MAX_MEMORIES": "5",
    "MEMORY_TENANT_REQUESTS_PER_SECOND": "0.01",
    "MEMORY_TENANT_BURST": "30",
    "MEMORY_TENANT_MAX_STREAMS": "2",
    # Of a connection that is too old: its streams end by themselves before.
    "MEMORY_MAX_CONNECTION_AGE_GRACE_SECONDS": "2",
    "MEMORY_WATCH_CHECKPOINT_SECONDS": "0.5",
}


@pytest.fixture(scope="module")
async def limited(stack: Stack, issuer: Issuer) -> AsyncIterator[Callers]:
    """Another MemoryService on the same database, with limits."""
    with tempfile.TemporaryDirectory(prefix="am-test-") as directory:
        settings = LIMITS | {
            "MEMORY_AUTH_MODE": "jwt",
            "MEMORY_JWT_ISSUER": ISSUER,
            "MEMORY_JWT_AUDIENCE": AUDIENCE,
            "MEMORY_JWT_JWKS": str(stack.memory.log.parent / "jwks.json"),
            "MEMORY_EXTRACTOR_TOKEN_FILE": str(stack.memory.log.parent / "token"),
        }
        service = memory_in(
            Path(directory),
            redis_url=stack.redis_url,
            extractor=stack.addresses.extractor,
            settings=settings,
        )
        async with (
            started(service),
            grpc.aio.insecure_channel(service.address) as channel,
        ):
            yield Callers(channel, issuer)


def scope(user: str, session: str = "") -> memory_pb2.Scope:
    return memory_pb2.Scope(namespace="limits", user_id=user, session_id=session)


def facts(user: str, *texts: str) -> pb.CreateMemoriesRequest:
    memories = [memory_pb2.Memory(text=text) for text in texts]
    return pb.CreateMemoriesRequest(scope=scope(user), memories=memories)


def turn(user: str, session: str) -> pb.AppendMessagesRequest:
    said = memory_pb2.Message(role=memory_pb2.ROLE_USER, content="Hello.")
    return pb.AppendMessagesRequest(scope=scope(user, session), messages=[said])


async def refusal(callers: Callers, tenant: str, request: Any) -> ServiceError:
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await callers.call(tenant, request)
    error = read_error(raised.value)
    assert (error.code.name, error.reason) == ("RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED")
    assert error.retry_after is not None
    assert error.retry_after.total_seconds() > 0
    return error


async def test_an_owner_has_so_many_memories_and_no_more(limited: Callers) -> None:
    await limited.call("t1", facts("alice", "One.", "Two.", "Three."))
    error = await refusal(limited, "t1", facts("alice", "Four."))
    assert error.metadata == {"limit": "memories"}
    await limited.call("t1", facts("bob", "One."))
    listed = pb.ListMemoriesRequest(scope=scope("alice"))
    assert (await limited.call("t1", listed))[0].total_size == 3


async def test_an_owner_has_so_many_sessions_and_no_more(limited: Callers) -> None:
    for session in ("a", "b", "a"):
        await limited.call("t2", turn("alice", session))
    error = await refusal(limited, "t2", turn("alice", "c"))
    assert error.metadata == {"limit": "sessions"}
    await limited.call("t2", pb.DeleteWorkingMemoryRequest(scope=scope("alice", "a")))
    await limited.call("t2", turn("alice", "c"))


async def test_a_tenant_has_so_many_memories_over_all_its_owners(
    callers: Callers, limited: Callers
) -> None:
    # What another server wrote counts as well.
    for user in ("alice", "bob"):
        await callers.call("t3", facts(user, "One.", "Two.", "Three."))
    error = await refusal(limited, "t3", facts("carol", "One."))
    assert error.metadata == {"limit": "memories"}
    await limited.call("t3", pb.ListMemoriesRequest(scope=scope("alice")))
    await limited.call("t4", facts("carol", "One."))


async def test_a_tenant_asks_so_often_and_no_oftener(limited: Callers) -> None:
    request = pb.GetMemoryRequest(scope=scope("alice"), id="x")
    told = [await limited.outcome("t5", request) for _ in range(40)]
    assert [each.code for each in told[:30]] == ["NOT_FOUND"] * 30
    assert {each.code for each in told[30:]} == {"RESOURCE_EXHAUSTED"}
    error = await refusal(limited, "t5", request)
    assert error.metadata == {"limit": "requests"}
    assert (await limited.outcome("t6", request)).code == "NOT_FOUND"


@asynccontextmanager
async def watching(callers: Callers, tenant: str) -> AsyncIterator[Any]:
    method = callers.channel.unary_stream(
        f"/{SERVICE.full_name}/WatchMemories",
        pb.WatchMemoriesRequest.SerializeToString,
        pb.WatchMemoriesResponse.FromString,
    )
    metadata = [("authorization", f"Bearer {callers.token(tenant)}")]
    call: Any = method(pb.WatchMemoriesRequest(scope=scope("alice")), metadata=metadata)
    try:
        yield call
    finally:
        call.cancel()


async def test_a_tenant_has_so_many_streams_open_and_no_more(
    limited: Callers, database: Redis
) -> None:
    async with watching(limited, "t7") as one, watching(limited, "t7") as two:
        assert await one.read()
        assert await two.read()
        error = await refusal(limited, "t7", pb.WatchMemoriesRequest(scope=scope("alice")))
        assert error.metadata == {"limit": "streams"}
        async with watching(limited, "t8") as other:
            assert await other.read()

    async def free() -> bool:
        return not await database.zcard(streams_key("t7"))

    await wait_until(free, "the places are free")


async def test_an_old_watch_ends_well_and_goes_on_where_it_ended(limited: Callers) -> None:
    async with watching(limited, "t9") as call:
        answers = []
        while (answer := await call.read()) is not grpc.aio.EOF:
            answers.append(answer)
        assert await call.code() is grpc.StatusCode.OK
    assert not answers[-1].HasField("change")
    await limited.call("t9", facts("alice", "One."))
    resumed = pb.WatchMemoriesRequest(scope=scope("alice"), after_revision=answers[-1].revision)
    changes = await limited.call("t9", resumed)
    assert [each.change.memory.text for each in changes if each.HasField("change")] == ["One."]
