"""Bad calls that would change a session: each refused in its own words, and nothing changes."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from agentmemory.v1 import memory_pb2
from agentmemory.v1 import memory_service_pb2 as pb
from agentmemory.v1.memory_service_pb2_grpc import MemoryServiceStub
from google.protobuf.struct_pb2 import Struct
from grpc import StatusCode
from redis.asyncio import Redis

from tests.contract.refusals import (
    ETAG_MISMATCH,
    REQUEST_ID_REUSED,
    SESSION_NOT_FOUND,
    BadCall,
    Refusal,
    assert_refused_without_a_trace,
    each_of,
    invalid,
    refusal_of,
)
from tests.contract.seed import Seed, said, session_of

KIB = 1024


def struct(**values: Any) -> Struct:
    found = Struct()
    found.update(values)
    return found


def put(*messages: memory_pb2.Message, **fields: Any) -> Callable[[Seed], Any]:
    """Put something in the place of the session that is there; `session` gives its fields."""
    state = {"data": struct(a=1), **fields.pop("session", {})}
    return lambda seed: pb.PutWorkingMemoryRequest(
        session=memory_pb2.Session(**{"scope": seed.session, **state}), messages=messages, **fields
    )


def put_to(**scope: str) -> Callable[[Seed], Any]:
    return put(session={"scope": memory_pb2.Scope(**{"session_id": "s", **scope})})


def patch(**fields: Any) -> Callable[[Seed], Any]:
    """Patch the session that is there."""
    return lambda seed: pb.PatchWorkingMemoryDataRequest(
        **{"scope": seed.session, "data": struct(a=1), **fields}
    )


def retry(**fields: Any) -> Callable[[Seed], Any]:
    return lambda seed: pb.RetryExtractionRequest(**{"scope": seed.session, **fields})


def of_a_stranger(seed: Seed) -> memory_pb2.Scope:
    return session_of(seed.stranger, "s1")


@each_of(
    ("no session", put(session={"scope": None}), invalid("session.scope.session_id")),
    ("session id too long", put_to(session_id="x" * 129), invalid("session.scope.session_id")),
    ("user id with control", put_to(user_id="\x1b"), invalid("session.scope.user_id")),
    ("namespace too long", put_to(namespace="x" * 129), invalid("session.scope.namespace")),
    (
        "data too large",
        put(session={"data": struct(a="x" * 256 * KIB)}),
        invalid("session.data"),
    ),
    ("data no JSON", put(session={"data": struct(a=math.nan)}), invalid("session.data")),
    (
        "context too long",
        put(session={"context": "x" * (64 * KIB + 1)}),
        invalid("session.context"),
    ),
    ("too many messages", put(*[said()] * 257), invalid("messages")),
    ("bad message", put(said(), said("")), invalid("messages[1].content")),
    (
        "message id twice",
        put(said("One.", id="new"), said("Two.", id="new")),
        Refusal(StatusCode.ALREADY_EXISTS, "MESSAGE_ID_REUSED", ("messages[1].id",)),
    ),
    ("request id too long", put(request_id="x" * 129), invalid("request_id")),
    ("other etag", put(etag="1-0"), ETAG_MISMATCH),
    (
        "etag of a session that is not there",
        lambda seed: pb.PutWorkingMemoryRequest(
            session=memory_pb2.Session(scope=seed.unknown_session), etag="1-1"
        ),
        ETAG_MISMATCH,
    ),
    (
        "etag of another user's session",
        lambda seed: pb.PutWorkingMemoryRequest(
            session=memory_pb2.Session(scope=of_a_stranger(seed)), etag="1-1"
        ),
        ETAG_MISMATCH,
    ),
)
async def test_a_bad_put_is_refused_and_changes_nothing(
    bad_call: BadCall, memory: MemoryServiceStub, seed: Seed, database: Redis
) -> None:
    await assert_refused_without_a_trace(bad_call, memory, seed, database)


@each_of(
    (
        "no patch",
        lambda seed: pb.PatchWorkingMemoryDataRequest(scope=seed.session),
        invalid("data"),
    ),
    ("patch too large", patch(data=struct(a="x" * 256 * KIB)), invalid("data")),
    ("patch no JSON", patch(data=struct(a=math.inf)), invalid("data")),
    ("unknown mode", patch(mode=9), invalid("mode")),
    ("no session", patch(scope=memory_pb2.Scope(user_id="u")), invalid("scope.session_id")),
    ("request id with control", patch(request_id="\r"), invalid("request_id")),
    ("other etag", patch(etag="1-0"), ETAG_MISMATCH),
    (
        "unknown session",
        lambda seed: pb.PatchWorkingMemoryDataRequest(scope=seed.unknown_session, data=struct()),
        SESSION_NOT_FOUND,
    ),
    (
        "another user's session",
        lambda seed: pb.PatchWorkingMemoryDataRequest(scope=of_a_stranger(seed), data=struct()),
        SESSION_NOT_FOUND,
    ),
)
async def test_a_bad_patch_is_refused_and_changes_nothing(
    bad_call: BadCall, memory: MemoryServiceStub, seed: Seed, database: Redis
) -> None:
    await assert_refused_without_a_trace(bad_call, memory, seed, database)


@each_of(
    ("no session", retry(scope=memory_pb2.Scope(user_id="u")), invalid("scope.session_id")),
    ("no such range", retry(first_sequences=[1]), invalid("first_sequences[0]")),
    ("too many ranges", retry(first_sequences=range(1001)), invalid("first_sequences")),
    ("request id too long", retry(request_id="x" * 129), invalid("request_id")),
    (
        "unknown session",
        lambda seed: pb.RetryExtractionRequest(scope=seed.unknown_session),
        SESSION_NOT_FOUND,
    ),
    (
        "another user's session",
        lambda seed: pb.RetryExtractionRequest(scope=of_a_stranger(seed)),
        SESSION_NOT_FOUND,
    ),
)
async def test_a_bad_retry_is_refused_and_changes_nothing(
    bad_call: BadCall, memory: MemoryServiceStub, seed: Seed, database: Redis
) -> None:
    await assert_refused_without_a_trace(bad_call, memory, seed, database)


async def test_a_request_id_for_other_arguments_is_refused(
    memory: MemoryServiceStub, new_scope: Callable[[], memory_pb2.Scope]
) -> None:
    scope = session_of(new_scope(), "s1")
    session = memory_pb2.Session(scope=scope)
    calls: list[tuple[Any, Any, str]] = [
        (
            memory.PutWorkingMemory,
            pb.PutWorkingMemoryRequest(session=session, messages=[said()], request_id="r1"),
            "messages",
        ),
        (
            memory.PatchWorkingMemoryData,
            pb.PatchWorkingMemoryDataRequest(
                scope=scope, data=struct(a=1), mode=pb.PATCH_MODE_REPLACE, request_id="r1"
            ),
            "mode",
        ),
        (
            memory.RetryExtraction,
            pb.RetryExtractionRequest(scope=scope, request_id="r1"),
            "",
        ),
    ]
    for call, request, other in calls:
        await call(request)
        if other:
            request.ClearField(other)
        else:
            request.first_sequences.append(1)
        assert await refusal_of(call(request)) == REQUEST_ID_REUSED
