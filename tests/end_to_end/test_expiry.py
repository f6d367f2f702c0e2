"""Sessions with a ttl, two processes that end them, and an extractor that comes late."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from agentmemory.v1 import memory_pb2, memory_service_pb2
from google.protobuf.duration_pb2 import Duration

from memory_service.embedded import EmbeddedRedis
from service_kit.children import ServerProcess
from tests.support.client import Caller, connected, said
from tests.support.stack import extractor_in, memory_in, serving
from tests.support.waiting import wait_until

WAITS = "sessions that have expired wait for the extractor"
PATIENCE = 30.0


@pytest.fixture
async def extractor(directory: Path) -> ServerProcess:
    """An extractor that is known and not started."""
    return extractor_in(directory)


@pytest.fixture
async def callers(directory: Path, extractor: ServerProcess) -> AsyncIterator[list[Caller]]:
    """One user, at each of two MemoryServices."""
    async with AsyncExitStack() as stack:
        redis = await stack.enter_async_context(EmbeddedRedis(directory / "redis"))
        found = []
        for name in ("m1", "m2"):
            memory = memory_in(
                directory, redis_url=redis.url, extractor=extractor.address, name=name
            )
            await stack.enter_async_context(serving(memory))
            stub = await stack.enter_async_context(connected(memory.address))
            found.append(Caller(stub, user="alice"))
        yield found


async def say(caller: Caller, session: str, text: str, *, seconds: int) -> None:
    options = memory_pb2.SessionOptions(ttl=Duration(seconds=seconds))
    request = memory_service_pb2.AppendMessagesRequest(
        scope=caller.scope(session), messages=[said(text)], options=options
    )
    await caller.stub.AppendMessages(request, timeout=30)


async def test_a_session_that_expires_is_extracted_first_however_long_that_takes(
    callers: list[Caller], extractor: ServerProcess, directory: Path
) -> None:
    one, other = callers
    await say(one, "short", "I live in Oslo.", seconds=1)
    await say(other, "kept", "I have a dog.", seconds=1)

    def noticed() -> bool:
        return all(WAITS in (directory / f"{name}.log").read_text() for name in ("m1", "m2"))

    await wait_until(noticed, "both processes wait for the extractor", seconds=PATIENCE)
    assert set(await one.sessions()) == {"short", "kept"}
    assert await one.memories() == []
    await say(one, "kept", "I play the cello.", seconds=3600)

    async def ended() -> bool:
        return await other.sessions() == ["kept"]

    async with serving(extractor):
        await wait_until(ended, "the session has ended", seconds=PATIENCE)
        assert "Alice lives in Oslo." in await one.texts()
        await one.flush("kept")
        assert len(await one.texts()) == 3
        messages = (await other.working_memory("kept")).messages
        assert [message.content for message in messages] == ["I have a dog.", "I play the cello."]
