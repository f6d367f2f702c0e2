"""Deadlines of a few milliseconds: a call is done whole or not at all, and can be repeated."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.request import urlopen

import grpc.aio
import pytest
from agentmemory.v1 import extractor_service_pb2 as extractor_pb
from agentmemory.v1 import memory_pb2
from agentmemory.v1 import memory_service_pb2 as pb
from agentmemory.v1.extractor_service_pb2_grpc import ExtractorServiceStub
from agentmemory.v1.memory_service_pb2_grpc import MemoryServiceStub
from google.protobuf.message import Message
from google.protobuf.struct_pb2 import Struct
from grpc import StatusCode
from prometheus_client.parser import text_string_to_metric_families
from redis.asyncio import Redis

from examples.stack import Stack
from tests.contract.refusals import SESSION_NOT_FOUND, refusal_of
from tests.contract.seed import TEXTS, Seed, said, session_of
from tests.contract.snapshot import snapshot
from tests.support.waiting import wait_until

# One millisecond is the shortest that reaches the server; the others break off later.
DEADLINES = (0.001, 0.001, 0.002, 0.003, 0.005)

READS: dict[str, Callable[[Seed], Message]] = {
    "GetWorkingMemory": lambda seed: pb.GetWorkingMemoryRequest(scope=seed.session),
    "ListSessions": lambda seed: pb.ListSessionsRequest(scope=seed.user),
    "GetExtractionStatus": lambda seed: pb.GetExtractionStatusRequest(scope=seed.session),
    "GetMemory": lambda seed: pb.GetMemoryRequest(scope=seed.user, id=seed.memory_ids[0]),
    "ListMemories": lambda seed: pb.ListMemoriesRequest(scope=seed.user),
    "SearchMemories": lambda seed: pb.SearchMemoriesRequest(scope=seed.user, query="bees"),
    "BuildPrompt": lambda seed: pb.BuildPromptRequest(scope=seed.session, query="bees"),
}


async def answered(call: Awaitable[Any]) -> bool:
    """Whether the call was answered; if it was not, its deadline has passed, and nothing else."""
    try:
        await call
    except grpc.aio.AioRpcError as error:
        if error.code() is not StatusCode.DEADLINE_EXCEEDED:
            raise
        return False
    return True


async def idle(stack: Stack) -> None:
    """Wait until MemoryService handles no call any more, those that nobody waits for included."""

    async def nothing_runs() -> bool:
        started, handled = await asyncio.to_thread(_counts, stack.addresses.memory_metrics)
        return started == handled

    await wait_until(nothing_runs, "an idle service")


def _counts(port: int) -> tuple[float, float]:
    with urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
        text = answer.read().decode()
    totals = {
        family.name: sum(s.value for s in family.samples if s.name == f"{family.name}_total")
        for family in text_string_to_metric_families(text)
        if family.name in {"grpc_server_started", "grpc_server_handled"}
    }
    return totals["grpc_server_started"], totals["grpc_server_handled"]


@pytest.mark.parametrize("method", READS)
async def test_a_read_out_of_time_changes_nothing(
    method: str, stack: Stack, memory: MemoryServiceStub, seed: Seed, database: Redis
) -> None:
    request = READS[method](seed)
    before = await snapshot(database)
    for deadline in DEADLINES:
        await answered(getattr(memory, method)(request, timeout=deadline))
    await idle(stack)
    assert await snapshot(database) == before
    await getattr(memory, method)(request)


@pytest.mark.parametrize("deadline", DEADLINES)
async def test_an_append_out_of_time_is_whole_or_not_there_and_can_be_repeated(
    deadline: float,
    stack: Stack,
    memory: MemoryServiceStub,
    new_scope: Callable[[], memory_pb2.Scope],
) -> None:
    scope = session_of(new_scope(), "s1")
    request = pb.AppendMessagesRequest(
        scope=scope, messages=[said(text) for text in TEXTS], request_id="r1"
    )
    read = pb.GetWorkingMemoryRequest(scope=scope)
    done = await answered(memory.AppendMessages(request, timeout=deadline))
    await idle(stack)
    sessions = await memory.ListSessions(pb.ListSessionsRequest(scope=scope))
    if sessions.total_size:
        assert [each.content for each in (await memory.GetWorkingMemory(read)).messages] == [*TEXTS]
    else:
        assert not done
        assert await refusal_of(memory.GetWorkingMemory(read)) == SESSION_NOT_FOUND
    await memory.AppendMessages(request)
    assert [each.content for each in (await memory.GetWorkingMemory(read)).messages] == [*TEXTS]


@pytest.mark.parametrize("deadline", DEADLINES)
async def test_a_put_and_a_patch_out_of_time_are_whole_or_not_done_and_can_be_repeated(
    deadline: float,
    stack: Stack,
    memory: MemoryServiceStub,
    new_scope: Callable[[], memory_pb2.Scope],
) -> None:
    scope = session_of(new_scope(), "s1")
    old = [said("I keep bees.", name="Alice")]
    await memory.AppendMessages(pb.AppendMessagesRequest(scope=scope, messages=old))
    session = memory_pb2.Session(scope=scope, context="new")
    put = pb.PutWorkingMemoryRequest(session=session, messages=[said(TEXTS[0])], request_id="r1")
    data = Struct()
    data.update({"a": 1})
    patch = pb.PatchWorkingMemoryDataRequest(scope=scope, data=data, request_id="r2")
    read = pb.GetWorkingMemoryRequest(scope=scope)

    async def state() -> tuple[int, int, str, int]:
        await idle(stack)
        found = (await memory.GetWorkingMemory(read)).session
        return found.generation, found.message_count, found.context, len(found.data)

    done = await answered(memory.PutWorkingMemory(put, timeout=deadline))
    assert await state() in ({(2, 1, "new", 0)} if done else {(1, 1, "", 0), (2, 1, "new", 0)})
    assert (await memory.PutWorkingMemory(put)).session.generation == 2
    assert await state() == (2, 1, "new", 0)
    done = await answered(memory.PatchWorkingMemoryData(patch, timeout=deadline))
    assert await state() in {(2, 1, "new", 1)} | (set() if done else {(2, 1, "new", 0)})
    assert (await memory.PatchWorkingMemoryData(patch)).session.data == data
    assert await state() == (2, 1, "new", 1)


@pytest.mark.parametrize("deadline", DEADLINES)
async def test_a_create_and_a_delete_out_of_time_are_whole_or_not_done_and_can_be_repeated(
    deadline: float,
    stack: Stack,
    memory: MemoryServiceStub,
    new_scope: Callable[[], memory_pb2.Scope],
) -> None:
    scope = new_scope()
    ids = [f"m{i}" for i, _ in enumerate(TEXTS)]
    create = pb.CreateMemoriesRequest(
        scope=scope,
        memories=[memory_pb2.Memory(id=i, text=t) for i, t in zip(ids, TEXTS, strict=True)],
        request_id="r1",
    )
    delete = pb.DeleteMemoriesRequest(scope=scope, ids=ids, request_id="r2")

    async def stored() -> int:
        await idle(stack)
        return (await memory.ListMemories(pb.ListMemoriesRequest(scope=scope))).total_size

    done = await answered(memory.CreateMemories(create, timeout=deadline))
    assert await stored() in ({3} if done else {0, 3})
    again = await memory.CreateMemories(create)
    assert [result.outcome for result in again.results] == [pb.CREATE_OUTCOME_CREATED] * 3
    assert await stored() == 3
    done = await answered(memory.DeleteMemories(delete, timeout=deadline))
    assert await stored() in ({0} if done else {0, 3})
    assert (await memory.DeleteMemories(delete)).deleted_count == 3
    assert await stored() == 0


@pytest.mark.parametrize("deadline", DEADLINES)
async def test_a_flush_and_a_delete_out_of_time_are_whole_or_not_done_and_can_be_repeated(
    deadline: float,
    stack: Stack,
    memory: MemoryServiceStub,
    new_scope: Callable[[], memory_pb2.Scope],
) -> None:
    user = new_scope()
    scope = session_of(user, "s1")
    messages = [said("I live in Lisbon.", name="Alice"), said("I keep bees.", name="Alice")]
    await memory.AppendMessages(pb.AppendMessagesRequest(scope=scope, messages=messages))
    flush = pb.FlushSessionRequest(scope=scope)
    status = pb.GetExtractionStatusRequest(scope=scope)

    done = await answered(memory.FlushSession(flush, timeout=deadline))
    await idle(stack)
    reached = (await memory.GetExtractionStatus(status)).extracted_through
    found = await memory.ListMemories(pb.ListMemoriesRequest(scope=user))
    assert reached in ({2} if done else {0, 2})
    assert bool(found.total_size) == bool(reached)
    assert (await memory.FlushSession(flush)).extracted_through == 2
    remembered = (await memory.ListMemories(pb.ListMemoriesRequest(scope=user))).total_size
    assert remembered >= 2

    delete = pb.DeleteWorkingMemoryRequest(scope=scope, request_id="r1")
    done = await answered(memory.DeleteWorkingMemory(delete, timeout=deadline))
    await idle(stack)
    left = (await memory.ListSessions(pb.ListSessionsRequest(scope=user))).total_size
    assert left in ({0} if done else {0, 1})
    assert (await memory.DeleteWorkingMemory(delete)).deleted_messages == 2
    assert await refusal_of(memory.GetExtractionStatus(status)) == SESSION_NOT_FOUND


async def test_an_extractor_goes_on_after_calls_out_of_time(
    extractor: ExtractorServiceStub,
) -> None:
    extract = extractor_pb.ExtractMemoriesRequest(messages=[said("I keep bees.", name="Alice")])
    summarize = extractor_pb.SummarizeRequest(messages=extract.messages)
    embed = extractor_pb.EmbedRequest(texts=["one", "two"])
    facts = [memory_pb2.Memory(id=text, text=text) for text in TEXTS]
    reconcile = extractor_pb.ReconcileRequest(
        items=[
            extractor_pb.ReconcileItem(
                memory=fact, neighbors=[extractor_pb.Neighbor(memory=each) for each in facts]
            )
            for fact in facts
        ]
    )
    opening = extractor_pb.ExtractRequest(open=extractor_pb.Open())
    streams: Any = extractor  # The generated types are those of a synchronous stub.

    for deadline in DEADLINES:
        await answered(extractor.ExtractMemories(extract, timeout=deadline))
        await answered(extractor.Summarize(summarize, timeout=deadline))
        await answered(extractor.Embed(embed, timeout=deadline))
        await answered(extractor.Reconcile(reconcile, timeout=deadline))
        await answered(extractor.GetInfo(extractor_pb.GetInfoRequest(), timeout=deadline))
        assert not await answered(streams.Extract(timeout=deadline).read())
    assert len((await extractor.ExtractMemories(extract)).extraction.memories) == 1
    assert (await extractor.Summarize(summarize)).summary == "Alice keeps bees."
    assert len((await extractor.Embed(embed)).vectors) == 2
    assert len((await extractor.Reconcile(reconcile)).results) == 3
    assert len([response async for response in streams.Extract(iter([opening]))]) == 1
