"""ListMemories over real sockets: orders, directions, tokens of one order, totals."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from agentmemory.v1 import memory_pb2
from agentmemory.v1 import memory_service_pb2 as pb
from agentmemory.v1.memory_service_pb2_grpc import MemoryServiceStub
from google.protobuf.timestamp_pb2 import Timestamp

from tests.contract.refusals import INVALID_PAGE_TOKEN, Refusal, invalid, refusal_of

Scopes = Callable[[], memory_pb2.Scope]
UP = pb.SORT_DIRECTION_ASCENDING
DOWN = pb.SORT_DIRECTION_DESCENDING
BY_CREATION = pb.MEMORY_ORDER_CREATE_TIME
BY_UPDATE = pb.MEMORY_ORDER_UPDATE_TIME
BY_EVENT = pb.MEMORY_ORDER_EVENT_TIME
BY_ID = pb.MEMORY_ORDER_ID


def memory_of(id_: str, event: int | None) -> memory_pb2.Memory:
    made = memory_pb2.Memory(id=id_, text=f"Memory {id_}.")
    if event is not None:
        made.event_time.time.CopyFrom(Timestamp(seconds=event))
    return made


@pytest.fixture(scope="module")
async def listed(memory: MemoryServiceStub, new_scope: Scopes) -> memory_pb2.Scope:
    """Four memories, each order of which is another."""
    scope = new_scope()
    new = [memory_of("b", 3), memory_of("é", 1), memory_of("B", None), memory_of("a", 3)]
    await memory.CreateMemories(pb.CreateMemoriesRequest(scope=scope, memories=new))
    change = memory_pb2.Memory(id="é", pinned=True)
    update = pb.UpdateMemoryRequest(scope=scope, memory=change)
    update.update_mask.paths.append("pinned")
    await memory.UpdateMemory(update)
    return scope


async def ids(
    memory: MemoryServiceStub, scope: memory_pb2.Scope, size: int, **arguments: Any
) -> str:
    request = pb.ListMemoriesRequest(scope=scope, page_size=size, **arguments)
    seen = ""
    while True:
        page = await memory.ListMemories(request)
        assert page.total_size == 4
        assert len(page.memories) <= size
        seen += "".join(found.id for found in page.memories)
        if not page.next_page_token:
            return seen
        request.page_token = page.next_page_token


@pytest.mark.parametrize("size", [1, 3, 50])
@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({}, "aBéb"),
        ({"direction": DOWN}, "aBéb"),
        ({"order_by": BY_CREATION}, "aBéb"),
        ({"order_by": BY_CREATION, "direction": UP}, "béBa"),
        ({"order_by": BY_UPDATE}, "éaBb"),
        ({"order_by": BY_UPDATE, "direction": UP}, "bBaé"),
        ({"order_by": BY_EVENT}, "baéB"),
        ({"order_by": BY_EVENT, "direction": UP}, "éabB"),
        ({"order_by": BY_ID}, "Babé"),
        ({"order_by": BY_ID, "direction": UP}, "Babé"),
        ({"order_by": BY_ID, "direction": DOWN}, "ébaB"),
    ],
    ids=str,
)
async def test_a_list_comes_in_the_order_asked_for(
    memory: MemoryServiceStub,
    listed: memory_pb2.Scope,
    arguments: dict[str, Any],
    expected: str,
    size: int,
) -> None:
    assert await ids(memory, listed, size, **arguments) == expected


@pytest.mark.parametrize(
    ("arguments", "refusal"),
    [
        ({"order_by": 99}, invalid("order_by")),
        ({"order_by": -1}, invalid("order_by")),
        ({"direction": 3}, invalid("direction")),
        ({"order_by": BY_ID, "direction": -1}, invalid("direction")),
    ],
    ids=str,
)
async def test_an_order_that_is_unknown_is_refused(
    memory: MemoryServiceStub,
    listed: memory_pb2.Scope,
    arguments: dict[str, Any],
    refusal: Refusal,
) -> None:
    request = pb.ListMemoriesRequest(scope=listed, **arguments)
    assert await refusal_of(memory.ListMemories(request)) == refusal


@pytest.mark.parametrize(
    "arguments",
    [
        {"order_by": BY_ID},
        {"order_by": BY_UPDATE},
        {"order_by": BY_CREATION, "direction": UP},
        {"direction": DOWN},
    ],
    ids=str,
)
async def test_a_token_of_one_order_is_refused_for_another(
    memory: MemoryServiceStub, listed: memory_pb2.Scope, arguments: dict[str, Any]
) -> None:
    first = await memory.ListMemories(pb.ListMemoriesRequest(scope=listed, page_size=1))
    request = pb.ListMemoriesRequest(
        scope=listed, page_size=1, page_token=first.next_page_token, **arguments
    )
    assert await refusal_of(memory.ListMemories(request)) == INVALID_PAGE_TOKEN
