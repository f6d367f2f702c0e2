"""Both services with TLS: callers show keys, MemoryService a certificate to the extractor."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import grpc
import pytest
from agentmemory.v1 import memory_pb2
from agentmemory.v1 import memory_service_pb2 as pb
from agentmemory.v1.memory_service_pb2_grpc import MemoryServiceStub

from service_kit.channel import open_channel
from service_kit.tls import ClientFiles
from tests.contract.conftest import free_ports
from tests.support.client import health
from tests.support.encrypted import Files, extractor_of, memory_of
from tests.support.stack import serving as started

SCOPE = memory_pb2.Scope(user_id="alice", session_id="s")


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


async def test_a_conversation_is_remembered_with_everything_encrypted(
    files: Files, tmp_path: Path, redis_url: str, redis: Any
) -> None:
    port, probe, extractor_port, extractor_probe = free_ports(4)
    url = os.environ.get("REDIS_URL", redis_url)
    await redis.flushall()  # The index is made anew, for vectors of the extractor's length.
    extractor = extractor_of(files, tmp_path, extractor_port, extractor_probe)
    memory = memory_of(files, tmp_path, (port, probe, extractor_port), url)
    async with started(extractor), started(memory):
        assert await health(f"127.0.0.1:{probe}") == "SERVING"
        async with open_channel(
            f"localhost:{port}", tls=ClientFiles(files.ca_file), token=lambda: files.shown
        ) as channel:
            stub: Any = MemoryServiceStub(channel)
            said = memory_pb2.Message(
                role=memory_pb2.ROLE_USER, name="Alice", content="I live in Oslo."
            )
            await stub.AppendMessages(pb.AppendMessagesRequest(scope=SCOPE, messages=[said]))
            await stub.FlushSession(pb.FlushSessionRequest(scope=SCOPE), timeout=60)
            query = pb.SearchMemoriesRequest(scope=SCOPE, query="Where does Alice live?")
            found = await stub.SearchMemories(query)
            assert [hit.memory.text for hit in found.hits] == ["Alice lives in Oslo."]
            assert not found.degraded
        async with open_channel(f"localhost:{port}", token=lambda: files.shown) as channel:
            with pytest.raises(grpc.aio.AioRpcError) as raised:
                await MemoryServiceStub(channel).SearchMemories(query, timeout=5)
            assert raised.value.code() is grpc.StatusCode.UNAVAILABLE
    logged = (tmp_path / "memory.log").read_text() + (tmp_path / "extractor.log").read_text()
    assert files.shown.split("_", 2)[2] not in logged
    assert "PRIVATE KEY" not in logged
