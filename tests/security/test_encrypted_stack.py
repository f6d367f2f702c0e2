"""Both services with TLS: callers show keys, MemoryService a certificate to the extractor."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import grpc
import pytest
from agentmemory.v1 import memory_pb2
from agentmemory.v1 import memory_service_pb2 as pb
from agentmemory.v1.memory_service_pb2_grpc import MemoryServiceStub

from service_kit.channel import open_channel
from service_kit.children import ServerProcess
from service_kit.tls import ClientFiles
from tests.contract.conftest import free_ports
from tests.security.conftest import minted
from tests.support.certificates import authority, client_pair, server_pair
from tests.support.client import health
from tests.support.stack import FAST
from tests.support.stack import serving as started

SCOPE = memory_pb2.Scope(user_id="alice", session_id="s")


class Files:
    """What an operator would put in place."""

    def __init__(self, directory: Path) -> None:
        self.ca = authority()
        self.ca_file = directory / "ca.crt"
        self.ca_file.write_bytes(self.ca.cert_pem)
        self.cert, self.key = server_pair(self.ca).write(directory, "server")
        memory = client_pair(self.ca, "memory", "spiffe://test/memory-service")
        self.memory_cert, self.memory_key = memory.write(directory, "memory")
        self.people = directory / "certificates.json"
        entry = {"uri": "spiffe://test/memory-service", "tenant": "system"}
        entries = [entry | {"role": "read", "namespaces": ["*"]}]
        self.people.write_text(json.dumps({"certificates": entries}))
        self.keys = directory / "keys.json"
        self.shown = minted(self.keys, "--tenant", "acme", "--role", "write")

    def tls(self, prefix: str) -> dict[str, str]:
        return {f"{prefix}_TLS_CERT": str(self.cert), f"{prefix}_TLS_KEY": str(self.key)}


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


def extractor_of(files: Files, directory: Path, port: int, probe: int) -> ServerProcess:
    environment = files.tls("EXTRACTOR") | {
        "EXTRACTOR_BIND": f"127.0.0.1:{port}",
        "EXTRACTOR_HEALTH_BIND": f"127.0.0.1:{probe}",
        "EXTRACTOR_MODEL": "hash",
        "EXTRACTOR_METRICS_PORT": "0",
        "EXTRACTOR_AUTH_MODE": "mtls",
        "EXTRACTOR_TLS_CLIENT_CA": str(files.ca_file),
        "EXTRACTOR_CERTIFICATES_FILE": str(files.people),
    }
    return ServerProcess(
        "extractor_service",
        address=f"127.0.0.1:{probe}",
        environment=environment,
        log=directory / "extractor.log",
    )


def memory_of(
    files: Files, directory: Path, ports: tuple[int, int, int], redis_url: str
) -> ServerProcess:
    port, probe, extractor = ports
    environment = {**FAST, **files.tls("MEMORY")} | {
        "REDIS_URL": redis_url,
        "MEMORY_BIND": f"127.0.0.1:{port}",
        "MEMORY_HEALTH_BIND": f"127.0.0.1:{probe}",
        "MEMORY_AUTH_MODE": "api_key",
        "MEMORY_API_KEYS_FILE": str(files.keys),
        "MEMORY_EXTRACTOR": f"localhost:{extractor}",
        "MEMORY_EXTRACTOR_CA": str(files.ca_file),
        "MEMORY_EXTRACTOR_CERT": str(files.memory_cert),
        "MEMORY_EXTRACTOR_KEY": str(files.memory_key),
    }
    return ServerProcess(
        "memory_service",
        address=f"127.0.0.1:{probe}",
        environment=environment,
        log=directory / "memory.log",
    )


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
