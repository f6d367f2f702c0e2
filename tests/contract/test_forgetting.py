"""ForgetMemories over real sockets: what goes, what stays, and how a bad call is refused."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta

from agentmemory.v1 import memory_pb2
from agentmemory.v1 import memory_service_pb2 as pb
from agentmemory.v1.memory_service_pb2_grpc import MemoryServiceStub
from google.protobuf.duration_pb2 import Duration
from redis.asyncio import Redis

from memory_service.domain.owner import Owner
from memory_service.store.keys import OwnerKeys
from tests.contract.refusals import (
    REQUEST_ID_REUSED,
    BadCall,
    assert_refused_without_a_trace,
    each_of,
    invalid,
    refusal_of,
)
from tests.contract.seed import Seed
from tests.contract.snapshot import snapshot
from tests.support.waiting import wait_until

Scopes = Callable[[], memory_pb2.Scope]
DAY = 24 * 3600


def keys_of(scope: memory_pb2.Scope) -> OwnerKeys:
    return OwnerKeys(Owner.user("default", scope.namespace, scope.user_id))


def days(number: float) -> Duration:
    return Duration(seconds=int(number * DAY))


async def create(
    memory: MemoryServiceStub, scope: memory_pb2.Scope, *texts: str, pinned: bool = False
) -> list[str]:
    given = [memory_pb2.Memory(text=text, id=text, pinned=pinned) for text in texts]
    created = await memory.CreateMemories(pb.CreateMemoriesRequest(scope=scope, memories=given))
    return [result.memory.id for result in created.results]


async def unused_for(database: Redis, scope: memory_pb2.Scope, **ids: float) -> None:
    """Make it so that these memories were used last so many days ago."""
    now = time.time()
    scores = {id_: int((now - ago * DAY) * 1e6) for id_, ago in ids.items()}
    await database.zadd(keys_of(scope).used, scores)


async def texts_of(memory: MemoryServiceStub, scope: memory_pb2.Scope) -> set[str]:
    listed = await memory.ListMemories(pb.ListMemoriesRequest(scope=scope))
    return {each.text for each in listed.memories}


async def test_without_confirmation_it_only_counts(
    memory: MemoryServiceStub, new_scope: Scopes, database: Redis
) -> None:
    scope = new_scope()
    await create(memory, scope, "a", "b", "c")
    await create(memory, scope, "pinned", pinned=True)
    before = await snapshot(database)
    counted = await memory.ForgetMemories(
        pb.ForgetMemoriesRequest(scope=scope, max_memories=0, request_id="count")
    )
    assert (counted.forgotten_count, counted.revision) == (3, 4)
    assert sorted(counted.sample_ids) == ["a", "b", "c"]
    assert await snapshot(database) == before


async def test_the_least_recently_used_are_forgotten_and_pinned_ones_stay(
    memory: MemoryServiceStub, new_scope: Scopes, database: Redis
) -> None:
    scope = new_scope()
    await create(memory, scope, "a", "b", "c", "d")
    await create(memory, scope, "pinned", pinned=True)
    await unused_for(database, scope, pinned=9, c=3, b=2)
    forgotten = await memory.ForgetMemories(
        pb.ForgetMemoriesRequest(scope=scope, max_memories=3, confirm=True)
    )
    assert (forgotten.forgotten_count, set(forgotten.sample_ids)) == (2, {"b", "c"})
    assert forgotten.revision == 7
    assert await texts_of(memory, scope) == {"a", "d", "pinned"}
    found = await memory.SearchMemories(pb.SearchMemoriesRequest(scope=scope, query="b c"))
    assert {hit.memory.id for hit in found.hits}.isdisjoint({"b", "c"})


async def test_what_searches_and_prompts_return_is_in_use(
    memory: MemoryServiceStub, new_scope: Scopes, database: Redis
) -> None:
    scope = new_scope()
    await create(memory, scope, "bees", "cello", "chess")
    await unused_for(database, scope, bees=9, cello=9, chess=9)
    keyword = memory_pb2.SearchOptions(mode=memory_pb2.SEARCH_MODE_KEYWORD)
    await memory.SearchMemories(
        pb.SearchMemoriesRequest(scope=scope, query="bees", options=keyword)
    )
    await memory.BuildPrompt(pb.BuildPromptRequest(scope=scope, query="cello", options=keyword))
    keys = keys_of(scope)

    async def noted() -> bool:
        scores = await database.zmscore(keys.used, ["bees", "cello"])
        return all(score > (time.time() - DAY) * 1e6 for score in scores)

    await wait_until(noted, "the uses are noted", seconds=20)
    forgotten = await memory.ForgetMemories(
        pb.ForgetMemoriesRequest(scope=scope, max_inactivity=days(1), confirm=True)
    )
    assert list(forgotten.sample_ids) == ["chess"]


async def test_age_counts_from_creation_whatever_was_used(
    memory: MemoryServiceStub, new_scope: Scopes
) -> None:
    scope = new_scope()
    await create(memory, scope, "a")
    young = pb.ForgetMemoriesRequest(scope=scope, max_age=days(1), confirm=True)
    assert (await memory.ForgetMemories(young)).forgotten_count == 0
    short = Duration()
    short.FromTimedelta(timedelta(microseconds=1))
    old = pb.ForgetMemoriesRequest(scope=scope, max_age=short, confirm=True)
    assert (await memory.ForgetMemories(old)).forgotten_count == 1
    assert await texts_of(memory, scope) == set()


async def test_what_is_forgotten_can_be_restored_and_is_no_deleted_fact(
    memory: MemoryServiceStub, new_scope: Scopes, database: Redis
) -> None:
    scope = new_scope()
    await create(memory, scope, "a")
    await memory.ForgetMemories(pb.ForgetMemoriesRequest(scope=scope, max_memories=0, confirm=True))
    assert not await database.exists(keys_of(scope).deleted_facts)
    revisions = await memory.ListMemoryRevisions(pb.ListMemoryRevisionsRequest(scope=scope, id="a"))
    assert [each.cause for each in revisions.revisions] == [pb.REVISION_CAUSE_FORGET]
    restored = await memory.RestoreMemory(pb.RestoreMemoryRequest(scope=scope, id="a"))
    assert restored.memory.text == "a"
    assert await texts_of(memory, scope) == {"a"}


async def test_a_repeat_returns_the_first_answer_and_other_arguments_are_refused(
    memory: MemoryServiceStub, new_scope: Scopes, database: Redis
) -> None:
    scope = new_scope()
    await create(memory, scope, "a", "b")
    request = pb.ForgetMemoriesRequest(scope=scope, max_memories=1, confirm=True, request_id="r")
    first = await memory.ForgetMemories(request)
    assert first.forgotten_count == 1
    await create(memory, scope, "c")
    before = await snapshot(database)
    assert await memory.ForgetMemories(request) == first
    request.max_memories = 0
    assert await refusal_of(memory.ForgetMemories(request)) == REQUEST_ID_REUSED
    assert await snapshot(database) == before


async def test_nobody_elses_memories_are_forgotten(
    memory: MemoryServiceStub, new_scope: Scopes
) -> None:
    hers, his = new_scope(), new_scope()
    for scope in (hers, his):
        await create(memory, scope, "a")
    await memory.ForgetMemories(pb.ForgetMemoriesRequest(scope=hers, max_memories=0, confirm=True))
    assert await texts_of(memory, hers) == set()
    assert await texts_of(memory, his) == {"a"}


async def test_an_owner_without_memories_has_nothing_to_forget(
    memory: MemoryServiceStub, new_scope: Scopes, database: Redis
) -> None:
    before = await snapshot(database)
    forgotten = await memory.ForgetMemories(
        pb.ForgetMemoriesRequest(scope=new_scope(), max_age=days(1), confirm=True)
    )
    assert forgotten == pb.ForgetMemoriesResponse()
    assert await snapshot(database) == before


async def test_a_deletion_by_filter_can_be_broken_off_and_called_again(
    memory: MemoryServiceStub, new_scope: Scopes
) -> None:
    scope = new_scope()
    many = 600
    for start in range(0, many, 100):
        given = [
            memory_pb2.Memory(text=f"fact {n}", topics=["old"]) for n in range(start, start + 100)
        ]
        await memory.CreateMemories(pb.CreateMemoriesRequest(scope=scope, memories=given))
    topic = memory_pb2.TagCondition(
        field=memory_pb2.TAG_FIELD_TOPIC, any_of=memory_pb2.StringList(values=["old"])
    )
    request = pb.DeleteMemoriesRequest(
        scope=scope,
        filter=memory_pb2.Filter(must=[memory_pb2.Condition(tag=topic)]),
        request_id="r",
    )
    call = memory.DeleteMemories(request)
    listing = pb.ListMemoriesRequest(scope=scope, page_size=1)

    async def begun() -> bool:
        return (await memory.ListMemories(listing)).total_size < many

    await wait_until(begun, "some are deleted")
    call.cancel()
    answer = await memory.DeleteMemories(request)
    assert (answer.deleted_count, answer.revision) == (many, 2 * many)
    assert (await memory.ListMemories(listing)).total_size == 0
    assert await memory.DeleteMemories(request) == answer


@each_of(
    (
        "no limit",
        lambda seed: pb.ForgetMemoriesRequest(scope=seed.user, confirm=True),
        invalid("max_age"),
    ),
    (
        "an age of nothing",
        lambda seed: pb.ForgetMemoriesRequest(scope=seed.user, max_age=Duration()),
        invalid("max_age"),
    ),
    (
        "an age that is to come",
        lambda seed: pb.ForgetMemoriesRequest(
            scope=seed.user, max_age=Duration(seconds=-1), confirm=True
        ),
        invalid("max_age"),
    ),
    (
        "an inactivity that is no duration",
        lambda seed: pb.ForgetMemoriesRequest(
            scope=seed.user, max_inactivity=Duration(seconds=1, nanos=-1), confirm=True
        ),
        invalid("max_inactivity"),
    ),
    (
        "an inactivity beyond all times",
        lambda seed: pb.ForgetMemoriesRequest(
            scope=seed.user, max_inactivity=Duration(seconds=2**62)
        ),
        invalid("max_inactivity"),
    ),
    (
        "fewer than none",
        lambda seed: pb.ForgetMemoriesRequest(scope=seed.user, max_memories=-1, confirm=True),
        invalid("max_memories"),
    ),
    (
        "a user id too long",
        lambda _: pb.ForgetMemoriesRequest(
            scope=memory_pb2.Scope(user_id="x" * 129), max_memories=0
        ),
        invalid("scope.user_id"),
    ),
    (
        "a request id with control",
        lambda seed: pb.ForgetMemoriesRequest(scope=seed.user, max_memories=0, request_id="\r"),
        invalid("request_id"),
    ),
)
async def test_a_bad_call_is_refused_and_changes_nothing(
    bad_call: BadCall, memory: MemoryServiceStub, seed: Seed, database: Redis
) -> None:
    await assert_refused_without_a_trace(bad_call, memory, seed, database)
