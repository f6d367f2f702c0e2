"""Bad calls about sessions: each refused in its own words, and nothing changes."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from agentmemory.v1 import memory_pb2
from agentmemory.v1 import memory_service_pb2 as pb
from agentmemory.v1.memory_service_pb2_grpc import MemoryServiceStub
from google.protobuf.struct_pb2 import Struct
from google.protobuf.timestamp_pb2 import Timestamp
from grpc import StatusCode
from redis.asyncio import Redis

from tests.contract.refusals import (
    ETAG_MISMATCH,
    INVALID_PAGE_TOKEN,
    REQUEST_ID_REUSED,
    SESSION_NOT_FOUND,
    TOO_LARGE,
    BadCall,
    Refusal,
    assert_refused_without_a_trace,
    each_of,
    invalid,
)
from tests.contract.seed import Seed, said

MIB = 1024 * 1024
METADATA_BOMB = Struct()
METADATA_BOMB.update({"text": "x" * 16 * 1024})
METADATA_NAN = Struct()
METADATA_NAN.update({"number": math.nan})


def append(*messages: memory_pb2.Message, **fields: Any) -> Callable[[Seed], Any]:
    """Append to the session that is there, or to the scope given."""
    return lambda seed: pb.AppendMessagesRequest(
        **{"scope": seed.session, "messages": messages, **fields}
    )


def append_to(**scope: str) -> Callable[[Seed], Any]:
    return append(said(), scope=memory_pb2.Scope(**{"session_id": "s", **scope}))


def reused(index: int) -> Refusal:
    return Refusal(StatusCode.ALREADY_EXISTS, "MESSAGE_ID_REUSED", (f"messages[{index}].id",))


@each_of(
    ("no message", append(), invalid("messages")),
    ("too many messages", append(*[said()] * 257), invalid("messages")),
    ("empty text", append(said("")), invalid("messages[0].content")),
    ("white space", append(said(" \t\n\u3000")), invalid("messages[0].content")),
    ("one byte too long", append(said("x" * (MIB // 4 + 1))), invalid("messages[0].content")),
    ("bytes count", append(said("é" * (MIB // 8 + 1))), invalid("messages[0].content")),
    ("2 MB", append(said("x" * 2 * MIB)), invalid("messages[0].content")),
    ("over what grpc takes in", append(said("x" * (4 * MIB + 1))), TOO_LARGE),
    ("only the last is bad", append(said(), said(), said("")), invalid("messages[2].content")),
    (
        "no role",
        append(said(role=memory_pb2.ROLE_UNSPECIFIED)),
        invalid("messages[0].role"),
    ),
    ("unknown role", append(said(role=99)), invalid("messages[0].role")),
    ("id of digits", append(said(id="12")), invalid("messages[0].id")),
    ("id of Arabic digits", append(said(id="١٢")), invalid("messages[0].id")),
    ("id with NUL", append(said(id="a\0b")), invalid("messages[0].id")),
    ("id with newline", append(said(id="a\nb")), invalid("messages[0].id")),
    ("id too long", append(said(id="é" * 129)), invalid("messages[0].id")),
    ("name too long", append(said(name="x" * 257)), invalid("messages[0].name")),
    (
        "time of year 292 million",
        append(said(create_time=Timestamp(seconds=2**62))),
        invalid("messages[0].create_time"),
    ),
    (
        "nanoseconds below zero",
        append(said(create_time=Timestamp(nanos=-1))),
        invalid("messages[0].create_time"),
    ),
    ("no time zone", append(said(time_zone="Mars/Olympus")), invalid("messages[0].time_zone")),
    ("a time zone's path", append(said(time_zone="../UTC")), invalid("messages[0].time_zone")),
    ("metadata too large", append(said(metadata=METADATA_BOMB)), invalid("messages[0].metadata")),
    ("metadata no JSON", append(said(metadata=METADATA_NAN)), invalid("messages[0].metadata")),
    (
        "tool call without a name",
        append(said(tool_calls=[memory_pb2.ToolCall(id="c1")])),
        invalid("messages[0].tool_calls[0].name"),
    ),
    (
        "tool call id too long",
        append(said(tool_call_id="x" * 129)),
        invalid("messages[0].tool_call_id"),
    ),
    (
        "no session",
        append(said(), scope=memory_pb2.Scope(user_id="u")),
        invalid("scope.session_id"),
    ),
    ("session id too long", append_to(session_id="x" * 129), invalid("scope.session_id")),
    ("session id with DEL", append_to(session_id="a\x7fb"), invalid("scope.session_id")),
    ("user id too long", append_to(user_id="x" * 129), invalid("scope.user_id")),
    ("user id with C1 control", append_to(user_id="a\x85b"), invalid("scope.user_id")),
    ("namespace too long", append_to(namespace="x" * 129), invalid("scope.namespace")),
    ("namespace with control", append_to(namespace="\x1b"), invalid("scope.namespace")),
    ("request id too long", append(said(), request_id="x" * 129), invalid("request_id")),
    ("request id with control", append(said(), request_id="\r"), invalid("request_id")),
    ("other etag", append(said(), etag="1-0"), ETAG_MISMATCH),
    ("etag of nonsense", append(said(), etag="*"), ETAG_MISMATCH),
    ("message id reused", append(said("Something else.", id="m1")), reused(0)),
    ("message id reused later", append(said(), said("Something else.", id="m1")), reused(1)),
    (
        "message id twice in one call",
        append(said("One.", id="new"), said("Two.", id="new")),
        reused(1),
    ),
    ("request id reused", append(said("Something else."), request_id="s1"), REQUEST_ID_REUSED),
)
async def test_a_bad_append_is_refused_and_changes_nothing(
    bad_call: BadCall, memory: MemoryServiceStub, seed: Seed, database: Redis
) -> None:
    await assert_refused_without_a_trace(bad_call, memory, seed, database)


@each_of(
    (
        "append with the etag of a session that is not there",
        lambda seed: pb.AppendMessagesRequest(
            scope=seed.unknown_session, messages=[said()], etag="1-1"
        ),
        ETAG_MISMATCH,
    ),
    (
        "read of an unknown session",
        lambda seed: pb.GetWorkingMemoryRequest(scope=seed.unknown_session),
        SESSION_NOT_FOUND,
    ),
    (
        "read without a session",
        lambda seed: pb.GetWorkingMemoryRequest(scope=seed.user),
        invalid("scope.session_id"),
    ),
    (
        "read without a scope",
        lambda _: pb.GetWorkingMemoryRequest(),
        invalid("scope.session_id"),
    ),
    (
        "read of too many",
        lambda seed: pb.GetWorkingMemoryRequest(scope=seed.session, recent_messages=1001),
        invalid("recent_messages"),
    ),
    (
        "read of less than none",
        lambda seed: pb.GetWorkingMemoryRequest(scope=seed.session, recent_messages=-1),
        invalid("recent_messages"),
    ),
    (
        "delete of an unknown session",
        lambda seed: pb.DeleteWorkingMemoryRequest(scope=seed.unknown_session),
        SESSION_NOT_FOUND,
    ),
    (
        "extracting delete of an unknown session",
        lambda seed: pb.DeleteWorkingMemoryRequest(scope=seed.unknown_session, extract_first=True),
        SESSION_NOT_FOUND,
    ),
    (
        "delete with another etag",
        lambda seed: pb.DeleteWorkingMemoryRequest(scope=seed.session, etag="1-0"),
        ETAG_MISMATCH,
    ),
    (
        "delete without a session",
        lambda seed: pb.DeleteWorkingMemoryRequest(scope=seed.user),
        invalid("scope.session_id"),
    ),
    (
        "flush of an unknown session",
        lambda seed: pb.FlushSessionRequest(scope=seed.unknown_session),
        SESSION_NOT_FOUND,
    ),
    (
        "status of an unknown session",
        lambda seed: pb.GetExtractionStatusRequest(scope=seed.unknown_session),
        SESSION_NOT_FOUND,
    ),
    (
        "list of nobody's sessions",
        lambda _: pb.ListSessionsRequest(),
        invalid("scope.user_id"),
    ),
    (
        "page too large",
        lambda seed: pb.ListSessionsRequest(scope=seed.user, page_size=1001),
        invalid("page_size"),
    ),
    (
        "page below zero",
        lambda seed: pb.ListSessionsRequest(scope=seed.user, page_size=-1),
        invalid("page_size"),
    ),
    (
        "page token of nonsense",
        lambda seed: pb.ListSessionsRequest(scope=seed.user, page_token="x"),
        INVALID_PAGE_TOKEN,
    ),
    (
        "page token of another list",
        lambda seed: pb.ListSessionsRequest(scope=seed.user, page_token=seed.memories_token),
        INVALID_PAGE_TOKEN,
    ),
    (
        "page token of another user",
        lambda seed: pb.ListSessionsRequest(scope=seed.stranger, page_token=seed.sessions_token),
        INVALID_PAGE_TOKEN,
    ),
)
async def test_a_bad_call_about_a_session_is_refused_and_changes_nothing(
    bad_call: BadCall, memory: MemoryServiceStub, seed: Seed, database: Redis
) -> None:
    await assert_refused_without_a_trace(bad_call, memory, seed, database)


async def test_a_session_id_of_another_user_is_another_session(
    memory: MemoryServiceStub, seed: Seed, database: Redis
) -> None:
    call = BadCall(
        "foreign",
        lambda s: pb.GetWorkingMemoryRequest(
            scope=memory_pb2.Scope(
                namespace=s.stranger.namespace, user_id=s.stranger.user_id, session_id="s1"
            )
        ),
        SESSION_NOT_FOUND,
    )
    await assert_refused_without_a_trace(call, memory, seed, database)
