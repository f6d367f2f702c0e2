"""An extractor that takes calls and never answers: what is written is written in time."""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from agentmemory.v1 import extractor_service_pb2 as extractor_pb
from agentmemory.v1 import memory_pb2
from agentmemory.v1 import memory_service_pb2 as pb

from memory_service.embedded import EmbeddedRedis
from tests.support import extractor_peer
from tests.support.client import Caller, Stub, connected
from tests.support.stack import memory_in, serving

PENDING = memory_pb2.EMBEDDING_STATE_PENDING
DEADLINE = 6.0
"""Less than vectors are waited for where nobody has a deadline."""


class Silent(extractor_peer.ExtractorServer):
    """Takes texts to embed and never answers."""

    async def Embed(self, request: extractor_pb.EmbedRequest, context: Any) -> Any:  # noqa: N802
        await asyncio.Event().wait()


@pytest.fixture(scope="module")
async def stub() -> AsyncIterator[Stub]:
    with tempfile.TemporaryDirectory(prefix="am-e2e-") as name:
        here = Path(name)
        async with (
            extractor_peer.serving(here / "extractor.sock", Silent()),
            EmbeddedRedis(here / "redis") as redis,
            serving(
                memory_in(
                    here,
                    redis_url=redis.url,
                    extractor=f"unix:{here}/extractor.sock",
                    settings={"MEMORY_EMBED_TIMEOUT_SECONDS": "600"},
                )
            ) as memory,
            connected(memory.address) as stub,
        ):
            yield stub


@pytest.fixture
def caller(stub: Stub, request: pytest.FixtureRequest) -> Caller:
    return Caller(stub, user=request.node.name)


async def create(caller: Caller, text: str) -> memory_pb2.Memory:
    request = pb.CreateMemoriesRequest(
        scope=caller.scope(), memories=[memory_pb2.Memory(id="m", text=text)]
    )
    (result,) = (await caller.stub.CreateMemories(request, timeout=DEADLINE)).results
    return result.memory


async def call(caller: Caller, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    made = memory_pb2.ToolCall(name=name, arguments=json.dumps(arguments))
    request = pb.CallToolRequest(scope=caller.scope(), call=made)
    answered = await caller.stub.CallTool(request, timeout=DEADLINE)
    assert not answered.is_error
    return dict(json.loads(answered.content_json))


async def test_a_created_memory_is_stored_before_its_caller_has_gone(caller: Caller) -> None:
    assert (await create(caller, "Alice plays the cello.")).embedding_state == PENDING
    assert await caller.texts() == {"Alice plays the cello."}


async def test_a_memory_has_its_new_text_and_its_old_one_before_its_caller_has_gone(
    caller: Caller,
) -> None:
    await create(caller, "Alice plays the cello.")
    memory = memory_pb2.Memory(id="m", text="Alice plays the viola.")
    update = pb.UpdateMemoryRequest(scope=caller.scope(), memory=memory)
    update.update_mask.paths.append("text")
    updated = await caller.stub.UpdateMemory(update, timeout=DEADLINE)
    assert (updated.memory.text, updated.memory.embedding_state) == (memory.text, PENDING)
    restore = pb.RestoreMemoryRequest(scope=caller.scope(), id="m")
    restored = await caller.stub.RestoreMemory(restore, timeout=DEADLINE)
    assert restored.memory.text == "Alice plays the cello."


async def test_what_a_model_writes_is_stored_before_its_caller_has_gone(caller: Caller) -> None:
    written = await call(caller, "create_memories", {"memories": [{"text": "Alice keeps bees."}]})
    id_ = written["results"][0]["memory"]["id"]
    await call(caller, "edit_memory", {"id": id_, "text": "Alice keeps hens."})
    assert await caller.texts() == {"Alice keeps hens."}
