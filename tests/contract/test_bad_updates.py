"""Bad calls about single memories over time: each refused in its own words, and nothing changes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from agentmemory.v1 import memory_pb2
from agentmemory.v1 import memory_service_pb2 as pb
from agentmemory.v1.memory_service_pb2_grpc import MemoryServiceStub
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.struct_pb2 import Struct
from redis.asyncio import Redis

from tests.contract.refusals import (
    ETAG_MISMATCH,
    INVALID_PAGE_TOKEN,
    MEMORY_EXISTS,
    MEMORY_NOT_FOUND,
    REQUEST_ID_REUSED,
    BadCall,
    assert_refused_without_a_trace,
    each_of,
    invalid,
)
from tests.contract.seed import TEXTS, Seed

LARGE = Struct(fields={"a": {"string_value": "x" * 16 * 1024}})  # type: ignore[dict-item]
INFINITE = Struct(fields={"a": {"number_value": math.inf}})  # type: ignore[dict-item]


def update(
    paths: Sequence[str] = ("text",),
    *,
    scope: Callable[[Seed], memory_pb2.Scope] = lambda seed: seed.user,
    request_id: str = "",
    **fields: Any,
) -> Callable[[Seed], Any]:
    """Update the seed's first memory."""
    return lambda seed: pb.UpdateMemoryRequest(
        scope=scope(seed),
        memory=memory_pb2.Memory(**{"id": seed.memory_ids[0], "text": "Alice rows.", **fields}),
        update_mask=FieldMask(paths=paths),
        request_id=request_id,
    )


def restore(**fields: Any) -> Callable[[Seed], Any]:
    return lambda seed: pb.RestoreMemoryRequest(
        **{"scope": seed.user, "id": seed.memory_ids[0], **fields}
    )


def revisions(**fields: Any) -> Callable[[Seed], Any]:
    return lambda seed: pb.ListMemoryRevisionsRequest(
        **{"scope": seed.user, "id": seed.memory_ids[0], **fields}
    )


def batch(*ids: str) -> Callable[[Seed], Any]:
    return lambda seed: pb.BatchGetMemoriesRequest(scope=seed.user, ids=ids)


@each_of(
    ("no mask", update(()), invalid("update_mask")),
    ("unknown path", update(("text", "colour")), invalid("update_mask.paths[1]")),
    ("id", update(("id",)), invalid("update_mask.paths[0]")),
    ("output only", update(("create_time",)), invalid("update_mask.paths[0]")),
    ("part of a field", update(("event_time.time",)), invalid("update_mask.paths[0]")),
    ("no memory", lambda seed: pb.UpdateMemoryRequest(scope=seed.user), invalid("memory.id")),
    ("id too long", update(id="x" * 129), invalid("memory.id")),
    ("text cleared", update(text=""), invalid("memory.text")),
    ("text too long", update(text="é" * 4097), invalid("memory.text")),
    ("type message", update(("type",), type=3), invalid("memory.type")),
    ("unknown type", update(("type",), type=99), invalid("memory.type")),
    ("too many topics", update(("topics",), topics=["x"] * 33), invalid("memory.topics")),
    ("empty topic", update(("topics",), topics=[""]), invalid("memory.topics[0]")),
    (
        "entity without a name",
        update(("entities",), entities=[memory_pb2.Entity(kind="person")]),
        invalid("memory.entities[0].name"),
    ),
    (
        "event time without a time",
        update(("event_time",), event_time=memory_pb2.EventTime()),
        invalid("memory.event_time.time"),
    ),
    ("metadata too large", update(("metadata",), metadata=LARGE), invalid("memory.metadata")),
    ("metadata not JSON", update(("metadata",), metadata=INFINITE), invalid("memory.metadata")),
    ("unknown memory", update(id="never there"), MEMORY_NOT_FOUND),
    ("another user's memory", update(scope=lambda seed: seed.stranger), MEMORY_NOT_FOUND),
    ("another state", update(etag="ffff"), ETAG_MISMATCH),
    ("text of another memory", update(text=TEXTS[1].upper()), MEMORY_EXISTS),
    ("request id too long", update(request_id="x" * 129), invalid("request_id")),
)
async def test_a_bad_update_is_refused_and_changes_nothing(
    bad_call: BadCall, memory: MemoryServiceStub, seed: Seed, database: Redis
) -> None:
    await assert_refused_without_a_trace(bad_call, memory, seed, database)


@each_of(
    ("restore without an id", restore(id=""), invalid("id")),
    ("restore with an id too long", restore(id="x" * 129), invalid("id")),
    ("restore of a negative revision", restore(revision=-1), invalid("revision")),
    ("restore of an unknown memory", restore(id="never there"), MEMORY_NOT_FOUND),
    ("restore of a memory that never changed", restore(), MEMORY_NOT_FOUND),
    ("restore of a revision that never was", restore(revision=10**9), MEMORY_NOT_FOUND),
    (
        "restore of another user's memory",
        lambda seed: pb.RestoreMemoryRequest(scope=seed.stranger, id=seed.memory_ids[0]),
        MEMORY_NOT_FOUND,
    ),
    ("revisions without an id", revisions(id=""), invalid("id")),
    ("revisions of an unknown memory", revisions(id="never there"), MEMORY_NOT_FOUND),
    (
        "revisions of another user's memory",
        lambda seed: pb.ListMemoryRevisionsRequest(scope=seed.stranger, id=seed.memory_ids[0]),
        MEMORY_NOT_FOUND,
    ),
    ("revisions by too many", revisions(page_size=1001), invalid("page_size")),
    ("revisions with a made-up token", revisions(page_token="AAAA"), INVALID_PAGE_TOKEN),
    (
        "revisions with the token of a list",
        lambda seed: revisions(page_token=seed.memories_token)(seed),
        INVALID_PAGE_TOKEN,
    ),
    ("get of no ids", batch(), invalid("ids")),
    ("get of too many ids", batch(*["x"] * 257), invalid("ids")),
    ("get of an empty id", batch("x", ""), invalid("ids[1]")),
    ("get of an id too long", batch("x", "y" * 129), invalid("ids[1]")),
    (
        "creation with metadata too large",
        lambda seed: pb.CreateMemoriesRequest(
            scope=seed.user, memories=[memory_pb2.Memory(text="x", metadata=LARGE)]
        ),
        invalid("memories[0].metadata"),
    ),
)
async def test_a_bad_call_is_refused_and_changes_nothing(
    bad_call: BadCall, memory: MemoryServiceStub, seed: Seed, database: Redis
) -> None:
    await assert_refused_without_a_trace(bad_call, memory, seed, database)


@each_of(
    ("update", update(("pinned",), request_id="used"), REQUEST_ID_REUSED),
    ("restore", restore(id="x", request_id="used"), REQUEST_ID_REUSED),
)
async def test_a_request_id_stands_for_one_set_of_arguments(
    bad_call: BadCall, memory: MemoryServiceStub, seed: Seed, database: Redis
) -> None:
    # A memory of its own: the seed is to stay as it is.
    new = memory_pb2.Memory(id="to change", text="Alice paints.")
    await memory.CreateMemories(pb.CreateMemoriesRequest(scope=seed.user, memories=[new]))
    changed = memory_pb2.Memory(id=new.id, pinned=True)
    await memory.UpdateMemory(
        pb.UpdateMemoryRequest(
            scope=seed.user,
            memory=changed,
            update_mask=FieldMask(paths=["pinned"]),
            request_id="used",
        )
    )
    await memory.RestoreMemory(
        pb.RestoreMemoryRequest(scope=seed.user, id=new.id, request_id="used")
    )
    await assert_refused_without_a_trace(bad_call, memory, seed, database)
