"""Bad calls about memories: each refused in its own words, and nothing changes."""

from __future__ import annotations

import base64
import math
from collections.abc import Callable
from typing import Any

from agentmemory.v1 import memory_pb2
from agentmemory.v1 import memory_service_pb2 as pb
from agentmemory.v1.memory_service_pb2_grpc import MemoryServiceStub
from redis.asyncio import Redis

from tests.contract.refusals import (
    ETAG_MISMATCH,
    INVALID_PAGE_TOKEN,
    MEMORY_NOT_FOUND,
    REQUEST_ID_REUSED,
    REVISION_NOT_REACHED,
    SESSION_NOT_FOUND,
    BadCall,
    assert_refused_without_a_trace,
    each_of,
    invalid,
)
from tests.contract.seed import Seed

GOOD = memory_pb2.Memory(text="Alice sings.")
_NOTHING = memory_pb2.Condition(filter=memory_pb2.Filter())
_SOMETHING = memory_pb2.Condition(
    tag=memory_pb2.TagCondition(
        field=memory_pb2.TAG_FIELD_TOPIC, any_of=memory_pb2.StringList(values=["x"])
    )
)
EMPTY = {
    "in it": memory_pb2.Filter(must=[_NOTHING]),
    "deep in it": memory_pb2.Filter(
        must=[memory_pb2.Condition(filter=memory_pb2.Filter(must=[_NOTHING]))]
    ),
    "beside a condition of which one must hold": memory_pb2.Filter(should=[_SOMETHING, _NOTHING]),
}


def create(*memories: memory_pb2.Memory, **fields: Any) -> Callable[[Seed], Any]:
    return lambda seed: pb.CreateMemoriesRequest(
        **{"scope": seed.user, "memories": memories, **fields}
    )


def created(**fields: Any) -> Callable[[Seed], Any]:
    """Create a good memory and one with these fields."""
    return create(GOOD, memory_pb2.Memory(**{"text": "Alice hums.", **fields}))


def delete(**fields: Any) -> Callable[[Seed], Any]:
    return lambda seed: pb.DeleteMemoriesRequest(scope=seed.user, **fields)


def listed(**fields: Any) -> Callable[[Seed], Any]:
    return lambda seed: pb.ListMemoriesRequest(scope=seed.user, **fields)


def search(query: str = "bees", *, limit: int = 0, **options: Any) -> Callable[[Seed], Any]:
    return lambda seed: pb.SearchMemoriesRequest(
        scope=seed.user, query=query, limit=limit, options=memory_pb2.SearchOptions(**options)
    )


def prompt(query: str = "bees", **fields: Any) -> Callable[[Seed], Any]:
    return lambda seed: pb.BuildPromptRequest(**{"scope": seed.user, "query": query, **fields})


@each_of(
    ("no memory", create(), invalid("memories")),
    ("too many memories", create(*[GOOD] * 129), invalid("memories")),
    ("empty text", created(text=""), invalid("memories[1].text")),
    ("white space", created(text="\n \u00a0"), invalid("memories[1].text")),
    ("text too long", created(text="é" * 4097), invalid("memories[1].text")),
    ("2 MB", created(text="x" * 2 * 1024 * 1024), invalid("memories[1].text")),
    ("type message", created(type=memory_pb2.MEMORY_TYPE_MESSAGE), invalid("memories[1].type")),
    ("unknown type", created(type=99), invalid("memories[1].type")),
    ("too many topics", created(topics=["x"] * 33), invalid("memories[1].topics")),
    ("empty topic", created(topics=["x", ""]), invalid("memories[1].topics[1]")),
    ("topic too long", created(topics=["x" * 257]), invalid("memories[1].topics[0]")),
    (
        "entity without a name",
        created(entities=[memory_pb2.Entity(kind="person")]),
        invalid("memories[1].entities[0].name"),
    ),
    (
        "event time without a time",
        created(event_time=memory_pb2.EventTime()),
        invalid("memories[1].event_time.time"),
    ),
    ("id too long", created(id="x" * 129), invalid("memories[1].id")),
    ("id with control", created(id="a\0"), invalid("memories[1].id")),
    ("shared, of a user", create(GOOD, shared=True), invalid("scope.user_id")),
    ("of nobody", create(GOOD, scope=memory_pb2.Scope()), invalid("scope")),
    ("request id reused", create(GOOD, request_id="r1"), REQUEST_ID_REUSED),
    ("request id too long", create(GOOD, request_id="x" * 129), invalid("request_id")),
)
async def test_a_bad_create_is_refused_and_changes_nothing(
    bad_call: BadCall, memory: MemoryServiceStub, seed: Seed, database: Redis
) -> None:
    await assert_refused_without_a_trace(bad_call, memory, seed, database)


@each_of(
    (
        "get of an unknown memory",
        lambda seed: pb.GetMemoryRequest(scope=seed.user, id="never there"),
        MEMORY_NOT_FOUND,
    ),
    (
        "get of another user's memory",
        lambda seed: pb.GetMemoryRequest(scope=seed.stranger, id=seed.memory_ids[0]),
        MEMORY_NOT_FOUND,
    ),
    (
        "get of another user's memory by a path",
        lambda seed: pb.GetMemoryRequest(
            scope=seed.stranger, id=f"../{seed.user.user_id}/{seed.memory_ids[0]}"
        ),
        MEMORY_NOT_FOUND,
    ),
    ("get without an id", lambda seed: pb.GetMemoryRequest(scope=seed.user), invalid("id")),
    (
        "get with an id too long",
        lambda seed: pb.GetMemoryRequest(scope=seed.user, id="x" * 129),
        invalid("id"),
    ),
    ("delete of nothing", delete(), invalid("ids")),
    ("delete with an empty filter", delete(filter=memory_pb2.Filter()), invalid("filter")),
    *(
        (f"delete with an empty filter {where}", delete(filter=filter_), invalid("filter"))
        for where, filter_ in EMPTY.items()
    ),
    ("delete of too many", delete(ids=["x"] * 257), invalid("ids")),
    ("delete of an empty id", delete(ids=["x", ""]), invalid("ids[1]")),
    ("delete of many by an etag", delete(ids=["x", "y"], etag="1"), invalid("etag")),
    ("delete with a request id reused", delete(ids=["x"], request_id="r1"), REQUEST_ID_REUSED),
    (
        "delete with another etag",
        lambda seed: pb.DeleteMemoriesRequest(scope=seed.user, ids=seed.memory_ids[:1], etag="0"),
        ETAG_MISMATCH,
    ),
    (
        "delete by ids and filter",
        lambda seed: pb.DeleteMemoriesRequest(
            scope=seed.user,
            ids=seed.memory_ids,
            filter=memory_pb2.Filter(
                must=[
                    memory_pb2.Condition(
                        tag=memory_pb2.TagCondition(
                            field=memory_pb2.TAG_FIELD_TYPE, equals="semantic"
                        )
                    )
                ]
            ),
        ),
        invalid("ids"),
    ),
)
async def test_a_bad_get_or_delete_is_refused_and_changes_nothing(
    bad_call: BadCall, memory: MemoryServiceStub, seed: Seed, database: Redis
) -> None:
    await assert_refused_without_a_trace(bad_call, memory, seed, database)


def with_token(change: Callable[[str], str], **fields: Any) -> Callable[[Seed], Any]:
    """Ask for the second page with a token that is not the one given, or for another list."""
    return lambda seed: pb.ListMemoriesRequest(
        **{"scope": seed.user, "page_token": change(seed.memories_token), **fields}
    )


def flipped(token: str) -> str:
    """Return the token with one bit of its position changed."""
    raw = bytearray(base64.urlsafe_b64decode(token))
    raw[-1] ^= 1
    return base64.urlsafe_b64encode(raw).decode()


def unsigned(token: str) -> str:
    """Return the token with a signature of zeros."""
    raw = base64.urlsafe_b64decode(token)
    return base64.urlsafe_b64encode(bytes(16) + raw[16:]).decode()


def the_same(token: str) -> str:
    return token


@each_of(
    ("page too large", listed(page_size=1001), invalid("page_size")),
    ("page below zero", listed(page_size=-1), invalid("page_size")),
    ("unknown visibility", listed(visibility=99), invalid("visibility")),
    ("type not given", listed(types=[0]), invalid("types[0]")),
    ("unknown type", listed(types=[1, 99]), invalid("types[1]")),
    ("revision to come", listed(min_revision=2**40), REVISION_NOT_REACHED),
    ("token of nonsense", listed(page_token="nonsense"), INVALID_PAGE_TOKEN),
    ("token not of ASCII", listed(page_token="é"), INVALID_PAGE_TOKEN),
    ("token too short", listed(page_token="AAAA"), INVALID_PAGE_TOKEN),
    ("token with a bit changed", with_token(flipped), INVALID_PAGE_TOKEN),
    ("token not signed", with_token(unsigned), INVALID_PAGE_TOKEN),
    ("token cut off", with_token(lambda token: token[:-4]), INVALID_PAGE_TOKEN),
    ("token twice", with_token(lambda token: token * 2), INVALID_PAGE_TOKEN),
    (
        "token for other types",
        with_token(the_same, types=[memory_pb2.MEMORY_TYPE_SEMANTIC]),
        INVALID_PAGE_TOKEN,
    ),
    (
        "token for another visibility",
        with_token(the_same, visibility=memory_pb2.VISIBILITY_OWN_AND_SHARED),
        INVALID_PAGE_TOKEN,
    ),
    (
        "token for another user",
        lambda seed: pb.ListMemoriesRequest(scope=seed.stranger, page_token=seed.memories_token),
        INVALID_PAGE_TOKEN,
    ),
    (
        "token of another list",
        lambda seed: pb.ListMemoriesRequest(scope=seed.user, page_token=seed.sessions_token),
        INVALID_PAGE_TOKEN,
    ),
)
async def test_a_bad_list_is_refused_and_changes_nothing(
    bad_call: BadCall, memory: MemoryServiceStub, seed: Seed, database: Redis
) -> None:
    await assert_refused_without_a_trace(bad_call, memory, seed, database)


@each_of(
    ("query too long", search("é" * (16 * 1024 + 1)), invalid("query")),
    ("limit 101", search(limit=101), invalid("limit")),
    ("limit below zero", search(limit=-1), invalid("limit")),
    ("score NaN", search(min_score=math.nan), invalid("options.min_score")),
    ("score infinite", search(min_score=math.inf), invalid("options.min_score")),
    ("score below zero", search(min_score=-0.1), invalid("options.min_score")),
    ("score over one", search(min_score=1.1), invalid("options.min_score")),
    ("unknown mode", search(mode=99), invalid("options.mode")),
    ("unknown visibility", search(visibility=99), invalid("options.visibility")),
    ("unknown type", search(types=[99]), invalid("options.types[0]")),
    ("revision to come", search(min_revision=2**40), REVISION_NOT_REACHED),
    ("prompt without a query", prompt(""), invalid("query")),
    ("prompt of too many memories", prompt(memory_limit=101), invalid("memory_limit")),
    ("prompt of less than none", prompt(memory_limit=-1), invalid("memory_limit")),
    (
        "prompt of no memories without a query",
        prompt("", memory_limit=0),
        invalid("query"),
    ),
    ("prompt of too many messages", prompt(recent_messages=1001), invalid("recent_messages")),
    ("prompt of minus one message", prompt(recent_messages=-1), invalid("recent_messages")),
    (
        "prompt with an unknown visibility",
        prompt(options=memory_pb2.SearchOptions(visibility=99)),
        invalid("options.visibility"),
    ),
    ("prompt of minus one token", prompt(token_budget=-1), invalid("token_budget")),
    ("prompt of too many tokens", prompt(token_budget=10_000_001), invalid("token_budget")),
    ("prompt without room for the query", prompt(token_budget=4), invalid("token_budget")),
    (
        "prompt without room for the instructions",
        prompt(token_budget=10, instructions="Be kind. " * 10),
        invalid("token_budget"),
    ),
    ("prompt for an unknown model", prompt(model_name="parrot-1"), invalid("model_name")),
    (
        "prompt for a model within a budget",
        prompt(model_name="gpt-4", token_budget=100),
        invalid("model_name"),
    ),
    ("prompt in no format", prompt(formats=[0]), invalid("formats[0]")),
    ("prompt in an unknown format", prompt(formats=[1, 99]), invalid("formats[1]")),
    ("prompt in too many formats", prompt(formats=[1] * 17), invalid("formats")),
    (
        "prompt with long instructions",
        prompt(instructions="é" * 16_385),
        invalid("instructions"),
    ),
    (
        "prompt for an unknown session",
        lambda seed: pb.BuildPromptRequest(scope=seed.unknown_session, query="bees"),
        SESSION_NOT_FOUND,
    ),
)
async def test_a_bad_search_is_refused_and_changes_nothing(
    bad_call: BadCall, memory: MemoryServiceStub, seed: Seed, database: Redis
) -> None:
    await assert_refused_without_a_trace(bad_call, memory, seed, database)
