"""Objects of callers: as deep as they may be they are read everywhere, deeper ones are refused."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from agentmemory.v1 import memory_pb2
from agentmemory.v1 import memory_service_pb2 as pb
from agentmemory.v1.memory_service_pb2_grpc import MemoryServiceStub
from google.protobuf.json_format import ParseDict
from google.protobuf.struct_pb2 import Struct

from tests.contract.refusals import invalid, refusal_of
from tests.contract.seed import said, session_of
from tests.contract.transfers import comparable, counts, import_all, records_of

DEEPEST = 24
TEXT = "Alice plays the cello."
Scope = memory_pb2.Scope
Write = Callable[[MemoryServiceStub, Scope, Struct], Awaitable[Any]]


def nested(depth: int, kind: type = dict) -> Struct:
    """An object of so many levels, those inside of it of this kind."""
    value: Any = "x"
    for _ in range(depth - 1):
        value = {"a": value} if kind is dict else [value]
    return ParseDict({"a": value}, Struct())


@pytest.fixture
def scope(new_scope: Callable[[], Scope]) -> Scope:
    return session_of(new_scope(), "s1")


async def create(memory: MemoryServiceStub, scope: Scope, value: Struct) -> Any:
    new = memory_pb2.Memory(id="m", text=TEXT, metadata=value)
    return await memory.CreateMemories(pb.CreateMemoriesRequest(scope=scope, memories=[new]))


async def update(memory: MemoryServiceStub, scope: Scope, value: Struct) -> Any:
    request = pb.UpdateMemoryRequest(scope=scope, memory=memory_pb2.Memory(id="m", metadata=value))
    request.update_mask.paths.append("metadata")
    return await memory.UpdateMemory(request)


async def append(memory: MemoryServiceStub, scope: Scope, value: Struct) -> Any:
    message = said("I keep bees.", metadata=value)
    return await memory.AppendMessages(pb.AppendMessagesRequest(scope=scope, messages=[message]))


async def give(memory: MemoryServiceStub, scope: Scope, value: Struct) -> Any:
    given = memory_pb2.Memory(id="given", text="Alice sings.", metadata=value)
    return await memory.AppendMessages(pb.AppendMessagesRequest(scope=scope, memories=[given]))


async def put(memory: MemoryServiceStub, scope: Scope, value: Struct) -> Any:
    session = memory_pb2.Session(scope=scope, data=value)
    return await memory.PutWorkingMemory(pb.PutWorkingMemoryRequest(session=session))


async def patch(memory: MemoryServiceStub, scope: Scope, value: Struct) -> Any:
    return await memory.PatchWorkingMemoryData(
        pb.PatchWorkingMemoryDataRequest(scope=scope, data=value)
    )


WRITES = [
    (create, "memories[0].metadata"),
    (update, "memory.metadata"),
    (append, "messages[0].metadata"),
    (give, "memories[0].metadata"),
    (put, "session.data"),
    (patch, "data"),
]


@pytest.mark.parametrize("kind", [dict, list])
@pytest.mark.parametrize(("write", "path"), WRITES, ids=[write.__name__ for write, _ in WRITES])
async def test_an_object_that_is_too_deep_is_refused(
    memory: MemoryServiceStub, scope: Scope, write: Write, path: str, kind: type
) -> None:
    await create(memory, scope, Struct())
    await put(memory, scope, Struct())
    await write(memory, scope, nested(DEEPEST, kind))
    refused = await refusal_of(write(memory, scope, nested(DEEPEST + 1, kind)))
    assert refused == invalid(path)


async def test_an_object_of_a_tool_that_is_too_deep_is_an_error_for_the_model(
    memory: MemoryServiceStub, scope: Scope
) -> None:
    await put(memory, scope, Struct())
    for depth, is_error in ((DEEPEST, False), (DEEPEST + 1, True)):
        data = '{"a":' * depth + "1" + "}" * depth
        call = memory_pb2.ToolCall(name="update_session_data", arguments=f'{{"data":{data}}}')
        answer = await memory.CallTool(pb.CallToolRequest(scope=scope, call=call))
        assert answer.is_error == is_error
    assert "data: is nested more than 24 deep" in answer.content_json


async def one_of_everything(memory: MemoryServiceStub, scope: Scope, value: Struct) -> None:
    await create(memory, scope, Struct())
    await update(memory, scope, value)
    update_text = pb.UpdateMemoryRequest(scope=scope, memory=memory_pb2.Memory(id="m", text=TEXT))
    update_text.memory.text += " Well."
    update_text.update_mask.paths.append("text")
    await memory.UpdateMemory(update_text)
    await put(memory, scope, value)
    await append(memory, scope, value)
    await give(memory, scope, value)


@pytest.mark.parametrize("kind", [dict, list])
async def test_an_object_as_deep_as_may_be_is_read_everywhere(
    memory: MemoryServiceStub, scope: Scope, kind: type
) -> None:
    value = nested(DEEPEST, kind)
    await one_of_everything(memory, scope, value)
    got = await memory.GetMemory(pb.GetMemoryRequest(scope=scope, id="m"))
    listed = await memory.ListMemories(pb.ListMemoriesRequest(scope=scope))
    found = await memory.SearchMemories(pb.SearchMemoriesRequest(scope=scope, query="cello"))
    prompt = await memory.BuildPrompt(pb.BuildPromptRequest(scope=scope, query="cello"))
    history = await memory.ListMemoryRevisions(pb.ListMemoryRevisionsRequest(scope=scope, id="m"))
    read = await memory.GetWorkingMemory(pb.GetWorkingMemoryRequest(scope=scope))
    watch: Any = memory.WatchMemories(pb.WatchMemoriesRequest(scope=scope, after_revision=0))
    changes = [await watch.read() for _ in range(2)]
    watch.cancel()
    assert [
        got.memory.metadata,
        listed.memories[0].metadata,
        found.hits[0].memory.metadata,
        prompt.hits[0].memory.metadata,
        history.revisions[0].memory.metadata,
        read.session.data,
        read.messages[0].metadata,
        read.pending_memories[0].metadata,
        changes[-1].change.memory.metadata,
    ] == [value] * 9


@pytest.mark.parametrize("kind", [dict, list])
async def test_an_object_as_deep_as_may_be_is_exported_and_imported(
    memory: MemoryServiceStub, scope: Scope, new_scope: Callable[[], Scope], kind: type
) -> None:
    await one_of_everything(memory, scope, nested(DEEPEST, kind))
    records = await records_of(memory, scope)
    into = new_scope()
    assert counts(await import_all(memory, into, records)) == (len(records), 0, 0)
    assert comparable(await records_of(memory, into)) == comparable(records)


def deepen(record: pb.ExportRecord, depth: int) -> None:
    """Give the object of a record so many levels."""
    match record.WhichOneof("record"):
        case "session":
            record.session.session.data.CopyFrom(nested(depth))
        case "revision":
            record.revision.memory.metadata.CopyFrom(nested(depth))
        case kind:
            getattr(record, kind).metadata.CopyFrom(nested(depth))


@pytest.mark.parametrize("kind", ["memory", "revision", "session", "message", "pending_memory"])
async def test_of_what_was_stored_before_there_was_a_limit_all_that_can_be_read_is_imported(
    memory: MemoryServiceStub, scope: Scope, new_scope: Callable[[], Scope], kind: str
) -> None:
    await one_of_everything(memory, scope, nested(DEEPEST))
    records = await records_of(memory, scope)
    at = [record.WhichOneof("record") for record in records].index(kind)  # type: ignore[arg-type]
    deepen(records[at], 32)
    into = new_scope()
    assert counts(await import_all(memory, into, records)) == (len(records), 0, 0)
    assert comparable(await records_of(memory, into)) == comparable(records)
