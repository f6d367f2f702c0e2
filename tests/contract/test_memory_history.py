"""One memory over time, as a caller sees it: updated, deleted, restored, looked back on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from agentmemory.v1 import memory_pb2
from agentmemory.v1 import memory_service_pb2 as pb
from agentmemory.v1.memory_service_pb2_grpc import MemoryServiceStub
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.timestamp_pb2 import Timestamp

from tests.contract.refusals import (
    ETAG_MISMATCH,
    INVALID_PAGE_TOKEN,
    MEMORY_EXISTS,
    refusal_of,
)

ALL = ("text", "type", "topics", "entities", "event_time", "metadata", "pinned")
METADATA = {"source": "crm", "": None, "deep": [{"ü": 1.5}, True]}


@pytest.fixture
def scope(new_scope: Callable[[], memory_pb2.Scope]) -> memory_pb2.Scope:
    return new_scope()


def full(id_: str = "m", **fields: Any) -> memory_pb2.Memory:
    return memory_pb2.Memory(
        **{
            "id": id_,
            "text": "Alice plays chess.",
            "type": memory_pb2.MEMORY_TYPE_EPISODIC,
            "topics": ["games", "a,b"],
            "entities": [memory_pb2.Entity(name="Alice", kind="person")],
            "event_time": memory_pb2.EventTime(
                time=Timestamp(seconds=86_400), precision=memory_pb2.TIME_PRECISION_DAY
            ),
            "metadata": METADATA,
            "pinned": True,
            **fields,
        }
    )


async def create(
    memory: MemoryServiceStub, scope: memory_pb2.Scope, new: memory_pb2.Memory
) -> memory_pb2.Memory:
    request = pb.CreateMemoriesRequest(scope=scope, memories=[new])
    (result,) = (await memory.CreateMemories(request)).results
    assert result.outcome == pb.CREATE_OUTCOME_CREATED
    return result.memory


def update_of(
    scope: memory_pb2.Scope, *paths: str, request_id: str = "", **fields: Any
) -> pb.UpdateMemoryRequest:
    return pb.UpdateMemoryRequest(
        scope=scope,
        memory=memory_pb2.Memory(**{"id": "m", **fields}),
        update_mask=FieldMask(paths=paths),
        request_id=request_id,
    )


async def get(memory: MemoryServiceStub, scope: memory_pb2.Scope) -> memory_pb2.Memory:
    return (await memory.GetMemory(pb.GetMemoryRequest(scope=scope, id="m"))).memory


async def delete(memory: MemoryServiceStub, scope: memory_pb2.Scope) -> None:
    await memory.DeleteMemories(pb.DeleteMemoriesRequest(scope=scope, ids=["m"]))


async def listed(memory: MemoryServiceStub, scope: memory_pb2.Scope, **fields: Any) -> list[str]:
    request = pb.ListMemoriesRequest(scope=scope, filter=memory_pb2.Filter(**fields))
    return [each.id for each in (await memory.ListMemories(request)).memories]


def says(memory: memory_pb2.Memory) -> memory_pb2.Memory:
    """What a caller gave of a memory."""
    return memory_pb2.Memory(
        id=memory.id,
        text=memory.text,
        type=memory.type,
        topics=memory.topics,
        entities=memory.entities,
        event_time=memory.event_time if memory.HasField("event_time") else None,
        metadata=memory.metadata if memory.HasField("metadata") else None,
        pinned=memory.pinned,
    )


async def test_metadata_and_the_pin_come_back_as_they_were_given(
    memory: MemoryServiceStub, scope: memory_pb2.Scope
) -> None:
    assert says(await create(memory, scope, full())) == full()
    assert says(await get(memory, scope)) == full()


async def test_every_field_of_the_mask_is_changed_and_no_other(
    memory: MemoryServiceStub, scope: memory_pb2.Scope
) -> None:
    before = await create(memory, scope, full())
    done = await memory.UpdateMemory(
        update_of(scope, "topics", "pinned", text="not in the mask", topics=["x"])
    )
    assert says(done.memory) == full(topics=["x"], pinned=False)
    assert done.revision == done.memory.revision == before.revision + 1
    assert done.memory.etag != before.etag
    assert done.memory.create_time == before.create_time
    new = memory_pb2.Memory(id="m", text="Alice plays go.", metadata={"k": 1}, pinned=True)
    done = await memory.UpdateMemory(
        pb.UpdateMemoryRequest(scope=scope, memory=new, update_mask=FieldMask(paths=ALL))
    )
    new.type = memory_pb2.MEMORY_TYPE_SEMANTIC
    assert says(done.memory) == new
    assert done.memory == await get(memory, scope)
    assert done.memory.embedding_state == memory_pb2.EMBEDDING_STATE_READY


async def test_a_field_that_is_cleared_is_no_longer_found(
    memory: MemoryServiceStub, scope: memory_pb2.Scope
) -> None:
    await create(memory, scope, full())
    tag = memory_pb2.TagCondition(field=memory_pb2.TAG_FIELD_TOPIC, equals="a,b")
    past = memory_pb2.TimeRange(field=memory_pb2.TIME_FIELD_EVENT_TIME, start=Timestamp())
    conditions = [memory_pb2.Condition(tag=tag), memory_pb2.Condition(time=past)]
    assert await listed(memory, scope, must=conditions) == ["m"]
    await memory.UpdateMemory(update_of(scope, "topics", "event_time", "entities", "metadata"))
    assert await listed(memory, scope, should=conditions) == []
    cleared = await get(memory, scope)
    assert not cleared.HasField("metadata")
    assert not cleared.HasField("event_time")
    assert (len(cleared.topics), len(cleared.entities)) == (0, 0)


async def test_a_repeated_update_and_a_repeated_restoration_are_done_once(
    memory: MemoryServiceStub, scope: memory_pb2.Scope
) -> None:
    await create(memory, scope, full())
    request = update_of(scope, "text", text="Alice plays go.", request_id="r")
    first = await memory.UpdateMemory(request)
    restoration = pb.RestoreMemoryRequest(scope=scope, id="m", request_id="r")
    restored = await memory.RestoreMemory(restoration)
    assert restored.memory.text == "Alice plays chess."
    assert await memory.UpdateMemory(request) == first
    assert await memory.RestoreMemory(restoration) == restored
    assert await get(memory, scope) == restored.memory


async def test_of_many_updates_of_one_state_one_is_done(
    memory: MemoryServiceStub, scope: memory_pb2.Scope
) -> None:
    etag = (await create(memory, scope, full())).etag
    results = await asyncio.gather(
        *(memory.UpdateMemory(update_of(scope, "text", text=f"{n}", etag=etag)) for n in range(8)),
        return_exceptions=True,
    )
    (won,) = [each for each in results if isinstance(each, pb.UpdateMemoryResponse)]
    assert await get(memory, scope) == won.memory
    stale = pb.RestoreMemoryRequest(scope=scope, id="m", etag=etag)
    assert await refusal_of(memory.RestoreMemory(stale)) == ETAG_MISMATCH


async def test_several_memories_are_read_in_the_order_asked_for(
    memory: MemoryServiceStub,
    scope: memory_pb2.Scope,
    new_scope: Callable[[], memory_pb2.Scope],
) -> None:
    for n in range(3):
        await create(memory, scope, memory_pb2.Memory(id=f"m{n}", text=f"fact {n}"))
    ids = ["m2", "none", "m0", "m2", "none"]
    found = await memory.BatchGetMemories(pb.BatchGetMemoriesRequest(scope=scope, ids=ids))
    assert [each.id for each in found.memories] == ["m2", "m0"]
    assert found.missing_ids == ["none"]
    foreign = pb.BatchGetMemoriesRequest(scope=new_scope(), ids=["m0"])
    nothing = await memory.BatchGetMemories(foreign)
    assert (len(nothing.memories), nothing.missing_ids) == (0, ["m0"])


async def test_earlier_states_are_listed_newest_first_page_by_page(
    memory: MemoryServiceStub, scope: memory_pb2.Scope
) -> None:
    await create(memory, scope, full())
    states = [await get(memory, scope)]
    for text in ("one", "two", "three"):
        await memory.UpdateMemory(update_of(scope, "text", text=text))
        states.append(await get(memory, scope))
    request = pb.ListMemoryRevisionsRequest(scope=scope, id="m", page_size=2)
    page = await memory.ListMemoryRevisions(request)
    # What happens between two pages does not move them.
    await delete(memory, scope)
    request.page_token = page.next_page_token
    rest = await memory.ListMemoryRevisions(request)
    assert rest.next_page_token == ""
    shown = [*page.revisions, *rest.revisions]
    assert [each.cause for each in shown] == [pb.REVISION_CAUSE_UPDATE] * 3
    for state in states:
        state.ClearField("embedding_state")
    assert [each.memory for each in shown] == states[2::-1]
    assert [each.replace_time for each in shown] == [s.update_time for s in states[:0:-1]]
    request.ClearField("page_token")
    newest = (await memory.ListMemoryRevisions(request)).revisions[0]
    assert (newest.memory, newest.cause) == (states[3], pb.REVISION_CAUSE_DELETE)
    other = pb.ListMemoryRevisionsRequest(scope=scope, id="n", page_token=page.next_page_token)
    assert await refusal_of(memory.ListMemoryRevisions(other)) == INVALID_PAGE_TOKEN


async def test_a_memory_that_never_changed_has_no_earlier_states(
    memory: MemoryServiceStub, scope: memory_pb2.Scope
) -> None:
    await create(memory, scope, full())
    request = pb.ListMemoryRevisionsRequest(scope=scope, id="m")
    assert await memory.ListMemoryRevisions(request) == pb.ListMemoryRevisionsResponse()


async def test_a_deleted_memory_comes_back_whole_and_is_found_again(
    memory: MemoryServiceStub, scope: memory_pb2.Scope
) -> None:
    before = await create(memory, scope, full())
    await delete(memory, scope)
    back = await memory.RestoreMemory(pb.RestoreMemoryRequest(scope=scope, id="m"))
    assert says(back.memory) == full()
    assert back.revision == back.memory.revision == before.revision + 2
    assert back.memory.create_time == before.create_time
    assert back.memory.embedding_state == memory_pb2.EMBEDDING_STATE_READY
    assert await listed(memory, scope) == ["m"]
    search = pb.SearchMemoriesRequest(scope=scope, query="chess")
    assert [hit.memory for hit in (await memory.SearchMemories(search)).hits] == [back.memory]


async def test_an_earlier_revision_is_restored_and_the_way_there_stays(
    memory: MemoryServiceStub, scope: memory_pb2.Scope
) -> None:
    before = await create(memory, scope, full())
    for text in ("one", "two"):
        await memory.UpdateMemory(update_of(scope, "text", text=text))
    request = pb.RestoreMemoryRequest(scope=scope, id="m", revision=before.revision)
    assert says((await memory.RestoreMemory(request)).memory) == full()
    states = await memory.ListMemoryRevisions(pb.ListMemoryRevisionsRequest(scope=scope, id="m"))
    assert [(each.memory.text, each.cause) for each in states.revisions] == [
        ("two", pb.REVISION_CAUSE_RESTORE),
        ("one", pb.REVISION_CAUSE_UPDATE),
        ("Alice plays chess.", pb.REVISION_CAUSE_UPDATE),
    ]


async def test_what_another_memory_says_by_now_is_not_restored(
    memory: MemoryServiceStub, scope: memory_pb2.Scope
) -> None:
    await create(memory, scope, full())
    await delete(memory, scope)
    await create(memory, scope, full("other"))
    request = pb.RestoreMemoryRequest(scope=scope, id="m")
    assert await refusal_of(memory.RestoreMemory(request)) == MEMORY_EXISTS


async def test_a_page_of_large_states_fits_into_what_clients_take(
    memory: MemoryServiceStub, scope: memory_pb2.Scope
) -> None:
    names = [f"{n:02}" + "\U0001f41d" * 254 for n in range(32)]
    entities = [memory_pb2.Entity(name=name, kind=name) for name in names]
    await create(memory, scope, full(topics=names, entities=entities))
    for n in range(40):
        await memory.UpdateMemory(update_of(scope, "text", text=f"{n}"))
    request = pb.ListMemoryRevisionsRequest(scope=scope, id="m", page_size=1000)
    texts = []
    while True:
        page = await memory.ListMemoryRevisions(request)
        texts += [each.memory.text for each in page.revisions]
        request.page_token = page.next_page_token
        if not page.next_page_token:
            break
        assert len(page.revisions) > 1
    assert texts == [*(f"{n}" for n in range(38, -1, -1)), "Alice plays chess."]


async def test_a_batch_names_what_did_not_fit_and_it_can_be_asked_for_again(
    memory: MemoryServiceStub, scope: memory_pb2.Scope
) -> None:
    wanted = [f"m{n}" for n in range(240)]
    large = {"a": "x" * 16_000}
    for start in range(0, 240, 80):
        new = [
            memory_pb2.Memory(id=id_, text=f"{id_} {'x' * 8000}", metadata=large)
            for id_ in wanted[start : start + 80]
        ]
        await memory.CreateMemories(pb.CreateMemoriesRequest(scope=scope, memories=new))
    found: list[str] = []
    left = [*wanted, "none"]
    for _ in range(8):
        batch = await memory.BatchGetMemories(pb.BatchGetMemoriesRequest(scope=scope, ids=left))
        found += [each.id for each in batch.memories]
        left = list(batch.left_out_ids)
        if not left:
            break
    assert found == wanted
