"""A response is never larger than what a client takes by default."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from agentmemory.v1 import memory_pb2
from agentmemory.v1 import memory_service_pb2 as pb
from agentmemory.v1.memory_service_pb2_grpc import MemoryServiceStub
from google.protobuf.message import Message
from google.protobuf.struct_pb2 import Struct

from tests.contract.refusals import invalid, refusal_of
from tests.contract.seed import said, session_of
from tests.contract.transfers import export

CONTENT = "x" * 250_000
SCOPE = memory_pb2.Scope(user_id="of-large-messages", session_id="s")


async def test_of_large_messages_only_the_newest_that_fit_are_read(
    memory: MemoryServiceStub,
) -> None:
    for n in range(20):
        said = memory_pb2.Message(id=f"m{n}", role=memory_pb2.ROLE_USER, content=CONTENT)
        await memory.AppendMessages(pb.AppendMessagesRequest(scope=SCOPE, messages=[said]))
    read = await memory.GetWorkingMemory(pb.GetWorkingMemoryRequest(scope=SCOPE))
    assert read.session.message_count == 20
    newest = [message.id for message in read.messages]
    assert newest == [f"m{n}" for n in range(20 - len(newest), 20)]
    assert 5 < len(newest) < 20
    prompt = await memory.BuildPrompt(pb.BuildPromptRequest(scope=SCOPE, query="what?"))
    assert [m.content for m in prompt.messages[:-1]] == [CONTENT] * len(newest)


async def test_a_page_of_large_memories_has_fewer_and_paging_misses_none(
    memory: MemoryServiceStub,
) -> None:
    scope = memory_pb2.Scope(user_id="of-large-memories")
    ids = [f"m{n}" for n in range(512)]
    for start in range(0, 512, 128):
        new = [
            memory_pb2.Memory(id=id_, text=f"{id_} " + "x" * 8_100)
            for id_ in ids[start : start + 128]
        ]
        await memory.CreateMemories(pb.CreateMemoriesRequest(scope=scope, memories=new))
    seen: list[str] = []
    request = pb.ListMemoriesRequest(scope=scope, page_size=1000)
    while True:
        page = await memory.ListMemories(request)
        assert page.total_size == 512
        seen += [found.id for found in page.memories]
        if not page.next_page_token:
            break
        assert len(page.memories) < 512
        request.page_token = page.next_page_token
    assert seen == ids[::-1]


NUMBERS = {"embedding": [1.0] * 3200}
"""16 KiB as it is stored, and more than twice as much on the wire."""


async def create_large(
    memory: MemoryServiceStub, scope: memory_pb2.Scope, count: int
) -> list[pb.CreateMemoriesResponse]:
    """Create memories as large as they may be, few at a time."""
    new = [memory_pb2.Memory(id=f"m{n}", text=f"tea {n} " + "x" * 8_000) for n in range(count)]
    for each in new:
        each.metadata.update(NUMBERS)
    return [
        await memory.CreateMemories(
            pb.CreateMemoriesRequest(scope=scope, memories=new[start : start + 50])
        )
        for start in range(0, count, 50)
    ]


async def test_objects_that_are_larger_than_their_json_are_counted_as_they_are(
    memory: MemoryServiceStub,
) -> None:
    scope = memory_pb2.Scope(user_id="of-large-objects")
    await create_large(memory, scope, 150)
    page = await memory.ListMemories(pb.ListMemoriesRequest(scope=scope, page_size=1000))
    assert page.next_page_token
    ids = [f"m{n}" for n in range(150)]
    got = await memory.BatchGetMemories(pb.BatchGetMemoriesRequest(scope=scope, ids=ids))
    assert [found.id for found in got.memories] + list(got.left_out_ids) == ids
    exported = [r.memory.id for each in await export(memory, scope) for r in each.records]
    assert sorted(exported) == sorted(ids)


async def test_a_search_gives_the_best_hits_that_fit(memory: MemoryServiceStub) -> None:
    scope = memory_pb2.Scope(user_id="of-large-hits")
    await create_large(memory, scope, 150)
    options = memory_pb2.SearchOptions(mode=memory_pb2.SEARCH_MODE_KEYWORD)
    for query in ("tea", ""):
        search = pb.SearchMemoriesRequest(scope=scope, query=query, limit=5, options=options)
        best = [hit.memory.id for hit in (await memory.SearchMemories(search)).hits]
        search.limit = 100
        found = [hit.memory.id for hit in (await memory.SearchMemories(search)).hits]
        assert found[:5] == best
        assert 30 < len(found) < 100


async def test_a_page_of_large_sessions_has_fewer_and_paging_misses_none(
    memory: MemoryServiceStub,
) -> None:
    owner = memory_pb2.Scope(user_id="of-large-sessions")
    names = [f"s{n}".ljust(128, "x") for n in range(1000)]
    for name in names:
        session = memory_pb2.Session(scope=memory_pb2.Scope(user_id=owner.user_id, session_id=name))
        session.options.strategy.kind = memory_pb2.EXTRACTION_KIND_CUSTOM
        session.options.strategy.instructions = "x" * 4_096
        await memory.PutWorkingMemory(pb.PutWorkingMemoryRequest(session=session))
    seen: list[str] = []
    request = pb.ListSessionsRequest(scope=owner, page_size=1000)
    while True:
        page = await memory.ListSessions(request)
        assert page.total_size == 1000
        seen += [each.scope.session_id for each in page.sessions]
        if not page.next_page_token:
            break
        assert len(page.sessions) < 1000
        request.page_token = page.next_page_token
    assert seen == names[::-1]


async def test_of_memories_that_were_created_and_do_not_fit_the_ids_are_told(
    memory: MemoryServiceStub,
) -> None:
    scope = memory_pb2.Scope(user_id="of-large-duplicates")
    await create_large(memory, scope, 128)
    same = [memory_pb2.Memory(text=f"tea {n} " + "x" * 8_000) for n in range(128)]
    answer = await memory.CreateMemories(pb.CreateMemoriesRequest(scope=scope, memories=same))
    assert {each.outcome for each in answer.results} == {pb.CREATE_OUTCOME_DUPLICATE}
    assert [each.memory.id for each in answer.results] == [f"m{n}" for n in range(128)]
    shown = [each for each in answer.results if each.memory.text]
    assert 30 < len(shown) < 128
    assert shown == list(answer.results[: len(shown)])
    assert all(
        each.memory == memory_pb2.Memory(id=each.memory.id) for each in answer.results[len(shown) :]
    )


def numbers_of(size: int) -> Struct:
    """An object that a caller measures as so many bytes of JSON, most of them whole numbers."""
    value = {"numbers": [7] * (size // 2 - 20), "rest": ""}
    value["rest"] = "é" + "x" * (size - len(_compact(value)) - len("é".encode()))
    assert len(_compact(value)) == size
    found = Struct()
    found.update(value)
    return found


def _compact(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


OBJECTS: dict[str, tuple[str, int, Callable[[memory_pb2.Scope, Struct], Message]]] = {
    "AppendMessages": (
        "messages[0].metadata",
        16 * 1024,
        lambda scope, value: pb.AppendMessagesRequest(
            scope=scope, messages=[said("Hello.", metadata=value)]
        ),
    ),
    "CreateMemories": (
        "memories[0].metadata",
        16 * 1024,
        lambda scope, value: pb.CreateMemoriesRequest(
            scope=scope, memories=[memory_pb2.Memory(text="Bees.", metadata=value)]
        ),
    ),
    "PutWorkingMemory": (
        "session.data",
        256 * 1024,
        lambda scope, value: pb.PutWorkingMemoryRequest(
            session=memory_pb2.Session(scope=scope, data=value)
        ),
    ),
    "PatchWorkingMemoryData": (
        "data",
        256 * 1024,
        lambda scope, value: pb.PatchWorkingMemoryDataRequest(scope=scope, data=value),
    ),
}


@pytest.mark.parametrize("method", OBJECTS)
async def test_an_object_may_be_as_large_as_its_compact_json_is_to_a_caller(
    method: str, memory: MemoryServiceStub, new_scope: Callable[[], memory_pb2.Scope]
) -> None:
    path, most, request = OBJECTS[method]
    scope = session_of(new_scope(), "s1")
    await memory.AppendMessages(pb.AppendMessagesRequest(scope=scope, messages=[said("Hi.")]))
    call = getattr(memory, method)
    assert await refusal_of(call(request(scope, numbers_of(most + 1)))) == invalid(path)
    await call(request(scope, numbers_of(most)))


async def test_a_session_with_much_data_is_read_with_the_newest_messages_that_fit_beside_it(
    memory: MemoryServiceStub, new_scope: Callable[[], memory_pb2.Scope]
) -> None:
    scope = session_of(new_scope(), "s1")
    data = numbers_of(256 * 1024)
    session = memory_pb2.Session(scope=scope, data=data)
    await memory.PutWorkingMemory(pb.PutWorkingMemoryRequest(session=session))
    for _ in range(12):
        large = pb.AppendMessagesRequest(scope=scope, messages=[said(CONTENT)])
        await memory.AppendMessages(large)
    read = await memory.GetWorkingMemory(pb.GetWorkingMemoryRequest(scope=scope))
    assert read.session.data == data
    assert 1 < len(read.messages) < 12
