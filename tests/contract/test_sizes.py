"""A response is never larger than what a client takes by default."""

from __future__ import annotations

from agentmemory.v1 import memory_pb2
from agentmemory.v1 import memory_service_pb2 as pb
from agentmemory.v1.memory_service_pb2_grpc import MemoryServiceStub

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
