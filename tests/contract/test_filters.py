"""Filters: any text is a plain value, and what is no filter is refused."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import reduce
from typing import Any

import grpc.aio
import pytest
from agentmemory.v1 import memory_pb2
from agentmemory.v1 import memory_service_pb2 as pb
from agentmemory.v1.memory_service_pb2_grpc import MemoryServiceStub
from google.protobuf.internal import encoder
from google.protobuf.timestamp_pb2 import Timestamp
from grpc import StatusCode
from redis.asyncio import Redis

from examples.stack import Stack
from tests.contract.refusals import (
    BadCall,
    assert_refused_without_a_trace,
    each_of,
    invalid,
    refusal_of,
)
from tests.contract.seed import Seed

VALUES = (
    "plain",
    "Plain",
    "plai",
    "plain ",
    " plain",
    "*",
    "plain*",
    "%plain%",
    "|",
    "plain|food",
    "food",
    "{",
    "}",
    "{plain}",
    "plain} | @topic:{food",
    '"plain"',
    "'plain'",
    "\\",
    "plain\\",
    "\\}",
    "@owner:{0123}",
    "@topic:{*}",
    "$p0",
    "$owner",
    "(plain)",
    ") | (*",
    "-plain",
    "~plain",
    "a,b",
    "a;b",
    "a:b",
    "a=>[KNN 10 @vector $v]",
    "[0 +inf]",
    "ismissing(@topic)",
    "the",
    "don't",
    "new-york",
    "new york",
    "%20",
    "%2A",
    "é",
    "e\u0301",
    "北京",
    "🍕",
    "ß",
    "ss",
    "\u200f",
    "a\0b",
    "\n",
    "x" * 256,
    "x" * 255,
)


def tag(field: int, value: str) -> memory_pb2.Condition:
    return memory_pb2.Condition(tag=memory_pb2.TagCondition(field=field, equals=value))  # type: ignore[arg-type]


def metadata(*path: str, **match: Any) -> memory_pb2.Filter:
    return must(memory_pb2.Condition(metadata=memory_pb2.MetadataCondition(path=path, **match)))


def must(*conditions: memory_pb2.Condition) -> memory_pb2.Filter:
    return memory_pb2.Filter(must=conditions)


@pytest.fixture(scope="module")
async def tagged(
    memory: MemoryServiceStub, new_scope: Callable[[], memory_pb2.Scope]
) -> memory_pb2.Scope:
    """A user with one memory for each value, which is its topic and its only entity."""
    scope = new_scope()
    await memory.CreateMemories(
        pb.CreateMemoriesRequest(
            scope=scope,
            memories=[
                memory_pb2.Memory(
                    id=f"m{i}",
                    text=f"Memory number {i}.",
                    topics=[value],
                    entities=[memory_pb2.Entity(name=value)],
                    metadata={"value": value, "named": {value: i}},
                )
                for i, value in enumerate(VALUES)
            ],
        )
    )
    return scope


async def matching(
    memory: MemoryServiceStub, scope: memory_pb2.Scope, given: memory_pb2.Filter
) -> list[str]:
    listed = await memory.ListMemories(
        pb.ListMemoriesRequest(scope=scope, filter=given, page_size=1000)
    )
    assert listed.total_size == len(listed.memories)
    return sorted(each.id for each in listed.memories)


@pytest.mark.parametrize("place", range(len(VALUES)), ids=lambda i: ascii(VALUES[i])[:24])
async def test_any_text_matches_the_memory_that_has_it_and_no_other(
    place: int, memory: MemoryServiceStub, tagged: memory_pb2.Scope
) -> None:
    value, expected = VALUES[place], f"m{place}"
    of_topic = must(tag(memory_pb2.TAG_FIELD_TOPIC, value))
    of_entity = must(tag(memory_pb2.TAG_FIELD_ENTITY, value))
    assert await matching(memory, tagged, of_topic) == [expected]
    assert await matching(memory, tagged, of_entity) == [expected]
    all_others = memory_pb2.Filter(must_not=of_topic.must)
    assert await matching(memory, tagged, all_others) == sorted(
        f"m{i}" for i in range(len(VALUES)) if i != place
    )


@pytest.mark.parametrize("place", range(len(VALUES)), ids=lambda i: ascii(VALUES[i])[:24])
async def test_a_search_with_any_text_as_filter_finds_that_memory_alone(
    place: int, memory: MemoryServiceStub, tagged: memory_pb2.Scope
) -> None:
    found = await memory.SearchMemories(
        pb.SearchMemoriesRequest(
            scope=tagged,
            query="memory",
            options=memory_pb2.SearchOptions(
                filter=must(tag(memory_pb2.TAG_FIELD_TOPIC, VALUES[place]))
            ),
        )
    )
    assert [hit.memory.id for hit in found.hits] == [f"m{place}"]
    assert list(found.hits[0].memory.topics) == [VALUES[place]]


@pytest.mark.parametrize("place", range(len(VALUES)), ids=lambda i: ascii(VALUES[i])[:24])
async def test_any_text_of_metadata_matches_the_memory_that_has_it(
    place: int, memory: MemoryServiceStub, tagged: memory_pb2.Scope
) -> None:
    value, expected = VALUES[place], [f"m{place}"]
    assert await matching(memory, tagged, metadata("value", equals=value)) == expected
    if len(value) <= 128:
        assert await matching(memory, tagged, metadata("named", value, exists=True)) == expected
        inner = metadata("named", value, range=memory_pb2.NumberRange(min=place, max=place))
        assert await matching(memory, tagged, inner) == expected


@pytest.mark.parametrize("place", range(len(VALUES)), ids=lambda i: ascii(VALUES[i])[:24])
async def test_any_text_is_a_prefix_of_what_begins_with_it(
    place: int, memory: MemoryServiceStub, tagged: memory_pb2.Scope
) -> None:
    prefix = VALUES[place][:32]
    expected = sorted(f"m{i}" for i, each in enumerate(VALUES) if each.startswith(prefix))
    for field in (memory_pb2.TAG_FIELD_TOPIC, memory_pb2.TAG_FIELD_ENTITY):
        given = memory_pb2.TagCondition(field=field, prefix=prefix)
        assert await matching(memory, tagged, must(memory_pb2.Condition(tag=given))) == expected


@pytest.mark.parametrize("place", range(len(VALUES)), ids=lambda i: ascii(VALUES[i])[:24])
async def test_a_query_may_be_any_text(
    place: int, memory: MemoryServiceStub, tagged: memory_pb2.Scope
) -> None:
    request = pb.SearchMemoriesRequest(scope=tagged, query=VALUES[place], limit=100)
    found = await memory.SearchMemories(request)
    assert {hit.memory.scope.user_id for hit in found.hits} == {tagged.user_id}


async def test_several_odd_values_match_each_their_own(
    memory: MemoryServiceStub, tagged: memory_pb2.Scope
) -> None:
    condition = memory_pb2.TagCondition(
        field=memory_pb2.TAG_FIELD_TOPIC,
        any_of=memory_pb2.StringList(values=["*", "|", "}", "nobody has this"]),
    )
    found = await matching(memory, tagged, must(memory_pb2.Condition(tag=condition)))
    assert found == sorted(f"m{VALUES.index(value)}" for value in ("*", "|", "}"))


async def test_a_filter_cannot_reach_another_owner(
    memory: MemoryServiceStub, tagged: memory_pb2.Scope, seed: Seed
) -> None:
    for id_ in ("m0", "*", tagged.user_id):
        assert await matching(memory, seed.user, must(tag(memory_pb2.TAG_FIELD_ID, id_))) == []


CONDITION = tag(memory_pb2.TAG_FIELD_TOPIC, "x")


def nested(depth: int) -> memory_pb2.Filter:
    """Return a filter of so many levels."""
    return reduce(
        lambda inner, _: must(memory_pb2.Condition(filter=inner)),
        range(depth - 1),
        must(CONDITION),
    )


def in_each(given: memory_pb2.Filter) -> list[Callable[[Seed], Any]]:
    """Return the calls that take a filter."""
    return [
        lambda seed: pb.ListMemoriesRequest(scope=seed.user, filter=given),
        lambda seed: pb.DeleteMemoriesRequest(scope=seed.user, filter=given),
        lambda seed: pb.SearchMemoriesRequest(
            scope=seed.user, query="x", options=memory_pb2.SearchOptions(filter=given)
        ),
        lambda seed: pb.BuildPromptRequest(
            scope=seed.user, query="x", options=memory_pb2.SearchOptions(filter=given)
        ),
    ]


def condition(**fields: Any) -> memory_pb2.Filter:
    return must(CONDITION, memory_pb2.Condition(**fields))


def topic(**match: Any) -> memory_pb2.Filter:
    return condition(tag=memory_pb2.TagCondition(field=memory_pb2.TAG_FIELD_TOPIC, **match))


def values(*given: str) -> memory_pb2.StringList:
    return memory_pb2.StringList(values=given)


def created(**bounds: Timestamp) -> memory_pb2.Filter:
    return condition(time=memory_pb2.TimeRange(field=memory_pb2.TIME_FIELD_CREATE_TIME, **bounds))


BAD_FILTERS = {
    "a condition of no kind": (condition(), ".must[1]"),
    "no field": (condition(tag=memory_pb2.TagCondition(equals="x")), ".must[1].tag.field"),
    "an unknown field": (
        condition(tag=memory_pb2.TagCondition(field=99, equals="x")),  # type: ignore[arg-type]
        ".must[1].tag.field",
    ),
    "no match": (topic(), ".must[1].tag"),
    "an empty value": (topic(equals=""), ".must[1].tag.equals"),
    "an empty any_of": (topic(any_of=values()), ".must[1].tag.any_of.values"),
    "an empty all_of": (topic(all_of=values()), ".must[1].tag.all_of.values"),
    "an empty value among others": (
        topic(any_of=values("x", "")),
        ".must[1].tag.any_of.values[1]",
    ),
    "a value too long": (topic(any_of=values("x" * 257)), ".must[1].tag.any_of.values[0]"),
    "too many values": (topic(all_of=values(*["x"] * 65)), ".must[1].tag.all_of.values"),
    "no time field": (
        condition(time=memory_pb2.TimeRange(start=Timestamp())),
        ".must[1].time.field",
    ),
    "no bound": (created(), ".must[1].time"),
    "a bound that is no time": (created(end=Timestamp(nanos=-5)), ".must[1].time.end"),
    "a prefix too long": (topic(prefix="x" * 33), ".must[1].tag.prefix"),
    "an empty prefix": (topic(prefix=""), ".must[1].tag.prefix"),
    "a prefix of a type": (
        condition(tag=memory_pb2.TagCondition(field=memory_pb2.TAG_FIELD_TYPE, prefix="sem")),
        ".must[1].tag.prefix",
    ),
    "no number field": (
        condition(number=memory_pb2.NumberCondition(range=memory_pb2.NumberRange(min=0))),
        ".must[1].number.field",
    ),
    "a range without bounds": (
        condition(number=memory_pb2.NumberCondition(field=memory_pb2.NUMBER_FIELD_CONFIDENCE)),
        ".must[1].number.range",
    ),
    "no field to have": (condition(exists=memory_pb2.Presence()), ".must[1].exists"),
    "metadata without a path": (
        condition(metadata=memory_pb2.MetadataCondition(exists=True)),
        ".must[1].metadata.path",
    ),
    "metadata without a match": (
        condition(metadata=memory_pb2.MetadataCondition(path=["x"])),
        ".must[1].metadata",
    ),
    "metadata in a range that is no number": (
        condition(
            metadata=memory_pb2.MetadataCondition(
                path=["x"], range=memory_pb2.NumberRange(min=math.nan)
            )
        ),
        ".must[1].metadata.range.min",
    ),
    "nested 9 deep": (nested(9), ".must[0].filter" * 8),
    "65 conditions": (memory_pb2.Filter(should=[CONDITION] * 65), ""),
    "65 conditions in a tree": (
        memory_pb2.Filter(
            must_not=[memory_pb2.Condition(filter=must(*[CONDITION] * 20))] * 3 + [CONDITION] * 2
        ),
        "",
    ),
}


@each_of(
    *(
        (f"{method}: {name}", call, invalid(f"{prefix}filter{path}"))
        for name, (given, path) in BAD_FILTERS.items()
        for method, prefix, call in zip(
            ("list", "delete", "search", "prompt"),
            ("", "", "options.", "options."),
            in_each(given),
            strict=True,
        )
    )
)
async def test_a_bad_filter_is_refused_and_changes_nothing(
    bad_call: BadCall, memory: MemoryServiceStub, seed: Seed, database: Redis
) -> None:
    await assert_refused_without_a_trace(bad_call, memory, seed, database)


async def test_a_filter_at_its_limits_is_taken(memory: MemoryServiceStub, seed: Seed) -> None:
    assert await matching(memory, seed.user, nested(8)) == []
    assert await matching(memory, seed.user, memory_pb2.Filter(should=[CONDITION] * 64)) == []
    assert await matching(memory, seed.user, topic(all_of=values("x" * 256, *["y"] * 63))) == []


async def test_each_kind_of_condition_finds_what_it_says(
    memory: MemoryServiceStub, new_scope: Callable[[], memory_pb2.Scope]
) -> None:
    scope = new_scope()
    await memory.CreateMemories(
        pb.CreateMemoriesRequest(
            scope=scope,
            memories=[
                memory_pb2.Memory(
                    id="full",
                    text="Alice pays for a plan.",
                    entities=[memory_pb2.Entity(name="Alice", kind="person")],
                    metadata={
                        "customer": {"plan": "gold", "seats": 12.5, "trial": False},
                        "tags": ["a", 7, None],
                    },
                    pinned=True,
                    valid_from=Timestamp(seconds=100),
                ),
                memory_pb2.Memory(id="bare", text="Alice keeps bees."),
            ],
        )
    )
    only_full = [
        {"tag": memory_pb2.TagCondition(field=memory_pb2.TAG_FIELD_ENTITY_KIND, equals="person")},
        {"tag": memory_pb2.TagCondition(field=memory_pb2.TAG_FIELD_ID, prefix="fu")},
        {"exists": memory_pb2.Presence(tag=memory_pb2.TAG_FIELD_ENTITY)},
        {"exists": memory_pb2.Presence(time=memory_pb2.TIME_FIELD_VALID_FROM)},
        {
            "time": memory_pb2.TimeRange(
                field=memory_pb2.TIME_FIELD_VALID_FROM, end=Timestamp(seconds=101)
            )
        },
        {"pinned": True},
        *(
            {"metadata": memory_pb2.MetadataCondition(path=path, **match)}
            for path, match in (
                (["customer"], {"exists": True}),
                (["customer", "plan"], {"equals": "gold"}),
                (["customer", "plan"], {"any_of": values("silver", "gold")}),
                (["customer", "seats"], {"range": memory_pb2.NumberRange(min=12.5)}),
                (["customer", "seats"], {"range": memory_pb2.NumberRange(min=-1e9, max=12.6)}),
                (["customer", "trial"], {"is": False}),
                (["tags"], {"equals": "a"}),
                (["tags"], {"range": memory_pb2.NumberRange(min=7, max=7)}),
            )
        ),
    ]
    for fields in only_full:
        given = memory_pb2.Condition(**fields)
        assert await matching(memory, scope, must(given)) == ["full"], given
        without = memory_pb2.Filter(must_not=[given])
        assert await matching(memory, scope, without) == ["bare"], given
    only_bare: list[dict[str, Any]] = [
        {"pinned": False},
        {"metadata": memory_pb2.MetadataCondition(path=["customer"], exists=False)},
    ]
    for fields in only_bare:
        given = memory_pb2.Condition(**fields)
        assert await matching(memory, scope, must(given)) == ["bare"], given
    both = memory_pb2.NumberCondition(
        field=memory_pb2.NUMBER_FIELD_CONFIDENCE, range=memory_pb2.NumberRange(min=1, max=1)
    )
    assert len(await matching(memory, scope, must(memory_pb2.Condition(number=both)))) == 2


@pytest.mark.parametrize(
    ("bounds", "all_of_them"),
    [
        ({"min": math.inf}, False),
        ({"min": 1e39}, False),
        ({"max": -math.inf}, False),
        ({"max": -1e300}, False),
        ({"min": math.inf, "max": -math.inf}, False),
        ({"min": -math.inf}, True),
        ({"min": -1e300, "max": 1e300}, True),
        ({"max": math.inf}, True),
    ],
)
async def test_no_bound_of_a_confidence_is_too_far_away(
    bounds: dict[str, float], all_of_them: bool, memory: MemoryServiceStub, seed: Seed
) -> None:
    number = memory_pb2.NumberCondition(
        field=memory_pb2.NUMBER_FIELD_CONFIDENCE, range=memory_pb2.NumberRange(**bounds)
    )
    found = await matching(memory, seed.user, must(memory_pb2.Condition(number=number)))
    everything = await matching(memory, seed.user, memory_pb2.Filter())
    assert found == (everything if all_of_them else [])


async def test_an_empty_filter_matches_everything(memory: MemoryServiceStub, seed: Seed) -> None:
    everything = await matching(memory, seed.user, memory_pb2.Filter())
    assert set(seed.memory_ids) <= set(everything)
    inner = memory_pb2.Condition(filter=memory_pb2.Filter())
    assert await matching(memory, seed.user, must(inner)) == everything


async def test_nesting_that_no_parser_takes_is_refused(stack: Stack, seed: Seed) -> None:
    # Protobuf itself takes 100 levels, two of them for each of ours, so this has to be by hand.
    given = b""
    for _ in range(100):
        condition_of_it = b"\x1a" + _prefixed(given)
        given = b"\x0a" + _prefixed(condition_of_it)
    request = (
        pb.ListMemoriesRequest(scope=seed.user).SerializeToString() + b"\x22" + _prefixed(given)
    )
    async with grpc.aio.insecure_channel(stack.addresses.memory) as channel:
        call = channel.unary_unary("/agentmemory.v1.MemoryService/ListMemories")(request)
        refusal = await refusal_of(call)
    assert (refusal.code, refusal.reason) == (StatusCode.INVALID_ARGUMENT, "INVALID_FIELD")


def _prefixed(data: bytes) -> bytes:
    return encoder._VarintBytes(len(data)) + data
