"""While the extractor is away: what goes on, what is refused, and what is made up for."""

from __future__ import annotations

import json
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest
from agentmemory.v1 import memory_pb2, memory_service_pb2

from memory_service.embedded import EmbeddedRedis
from service_kit.children import ServerProcess
from tests.support.client import HYBRID, KEYWORD, SEMANTIC, Caller, Stub, connected, health, refusal
from tests.support.stack import extractor_in, memory_in, serving
from tests.support.waiting import wait_until

AWAY = (grpc.StatusCode.UNAVAILABLE, "EXTRACTOR_UNAVAILABLE")
PENDING = memory_pb2.EMBEDDING_STATE_PENDING
READY = memory_pb2.EMBEDDING_STATE_READY
PATIENCE = 20.0


@dataclass(frozen=True)
class Alone:
    """A MemoryService, and an extractor that it knows and that has not been started."""

    stub: Stub
    memory: ServerProcess
    extractor: ServerProcess


@pytest.fixture(scope="module")
async def alone() -> AsyncIterator[Alone]:
    with tempfile.TemporaryDirectory(prefix="am-e2e-") as name:
        here = Path(name)
        extractor = extractor_in(here)
        async with EmbeddedRedis(here / "redis") as redis:
            memory = memory_in(here, redis_url=redis.url, extractor=extractor.address)
            async with serving(memory), connected(memory.address) as stub:
                yield Alone(stub, memory, extractor)


@pytest.fixture
def caller(alone: Alone, request: pytest.FixtureRequest) -> Caller:
    return Caller(alone.stub, user=request.node.name)


async def test_appends_and_reads_go_on(caller: Caller) -> None:
    await caller.say("chat", "I live in Oslo.", "I have a dog.")
    messages = (await caller.working_memory("chat")).messages
    assert [message.content for message in messages] == ["I live in Oslo.", "I have a dog."]
    assert await caller.sessions() == ["chat"]
    assert await caller.memories() == []


async def test_the_service_stays_healthy(alone: Alone) -> None:
    assert await health(alone.memory.address) == "SERVING"


async def test_a_created_memory_is_found_by_keyword_at_once(caller: Caller) -> None:
    created = await caller.create("Alice plays the cello.")
    assert created.results[0].memory.embedding_state == PENDING
    assert await caller.found("cello", mode=KEYWORD) == ["Alice plays the cello."]
    (listed,) = await caller.memories()
    assert listed.embedding_state == PENDING


async def test_a_keyword_search_is_complete_as_ever(caller: Caller) -> None:
    await caller.create("Alice plays the cello.")
    assert not (await caller.search("cello", mode=KEYWORD)).degraded


async def test_a_hybrid_search_answers_from_words_and_says_so(caller: Caller) -> None:
    await caller.create("Alice plays the cello.", "Alice lives in Oslo.")
    answer = await caller.search("Who plays the cello?", mode=HYBRID)
    assert [hit.memory.text for hit in answer.hits] == ["Alice plays the cello."]
    assert answer.degraded


async def test_a_semantic_search_is_refused(caller: Caller) -> None:
    await caller.create("Alice plays the cello.")
    assert await refusal(caller.search("cello", mode=SEMANTIC)) == AWAY


async def test_a_prompt_is_built_from_words_and_says_so(caller: Caller) -> None:
    await caller.create("Alice plays the cello.")
    request = memory_service_pb2.BuildPromptRequest(scope=caller.scope(), query="cello lessons")
    prompt = await caller.stub.BuildPrompt(request, timeout=30)
    assert "Alice plays the cello." in prompt.messages[0].content
    assert prompt.degraded


async def test_a_prompt_of_a_long_session_keeps_to_its_budget_without_a_new_summary(
    caller: Caller,
) -> None:
    await caller.create("Alice plays the cello.")
    await caller.say("chat", *[f"This is message {n} of many." for n in range(50)])
    request = memory_service_pb2.BuildPromptRequest(
        scope=caller.scope("chat"), query="cello lessons", recent_messages=50, token_budget=300
    )
    prompt = await caller.stub.BuildPrompt(request, timeout=30)
    assert prompt.degraded
    assert 200 < prompt.token_count <= 300
    assert "Alice plays the cello." in prompt.messages[0].content
    assert prompt.messages[-2].content == "This is message 49 of many."
    assert prompt.left_out_messages > 30


async def test_a_model_finds_what_it_has_remembered_by_its_words(caller: Caller) -> None:
    async def call(name: str, arguments: dict[str, Any]) -> dict[str, Any]:
        made = memory_pb2.ToolCall(name=name, arguments=json.dumps(arguments))
        request = memory_service_pb2.CallToolRequest(scope=caller.scope("chat"), call=made)
        answered = await caller.stub.CallTool(request, timeout=30)
        assert not answered.is_error
        return dict(json.loads(answered.content_json))

    await call("create_memories", {"memories": [{"text": "Alice plays the cello."}]})
    found = await call("search_memories", {"query": "Who plays the cello?"})
    assert [each["text"] for each in found["memories"]] == ["Alice plays the cello."]
    assert "by words only" in found["note"]


async def test_a_flush_is_refused_and_nothing_counts_as_extracted(caller: Caller) -> None:
    await caller.say("chat", "I live in Oslo.", "I have a dog.")
    assert await refusal(caller.flush("chat")) == AWAY
    status = await caller.status("chat")
    assert (status.extracted_through, status.pending_messages) == (0, 2)
    assert not status.failed_ranges


async def test_all_is_made_up_for_when_the_extractor_comes_and_it_may_go_again(
    alone: Alone, caller: Caller
) -> None:
    await caller.create("Alice plays the cello.")
    await caller.say("chat", "I live in Oslo.")

    async def embedded() -> bool:
        return all(memory.embedding_state == READY for memory in await caller.memories())

    async def extracted() -> bool:
        return await caller.extracted("chat") == 1

    async with serving(alone.extractor):
        await wait_until(embedded, "the memory has its vector", seconds=PATIENCE)
        await wait_until(extracted, "the message is extracted", seconds=PATIENCE)
        best, *_ = await caller.found("plays the cello", mode=SEMANTIC)
        assert best == "Alice plays the cello."
        assert await caller.texts() == {"Alice plays the cello.", "Alice lives in Oslo."}
        assert not (await caller.search("cello", mode=HYBRID)).degraded
    assert (await caller.search("cello", mode=HYBRID)).degraded
    await caller.say("chat", "I have a dog.")
    assert await refusal(caller.flush("chat")) == AWAY
    assert await caller.extracted("chat") == 1
