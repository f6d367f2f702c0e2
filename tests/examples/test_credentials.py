"""The example clients against services that are set up as in production: TLS, and API keys."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import grpc
import pytest
from agentmemory.v1 import memory_pb2
from agentmemory.v1 import memory_service_pb2 as pb
from agentmemory.v1.memory_service_pb2_grpc import MemoryServiceStub

from examples import connecting
from memory_service.embedded import EmbeddedRedis
from tests.contract.conftest import free_ports
from tests.support.encrypted import Files, extractor_of, memory_of
from tests.support.node import needs_node, run
from tests.support.stack import serving

REQUEST = pb.ListMemoriesRequest(scope=memory_pb2.Scope(user_id="alice"))


@dataclass(frozen=True)
class Production:
    """Where it is served, and what an operator has handed out."""

    target: str
    ca: str
    key: str

    @property
    def environment(self) -> dict[str, str]:
        return {"AGENT_MEMORY_CA": self.ca, "AGENT_MEMORY_TOKEN": self.key}


@pytest.fixture(scope="module")
async def production(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Production]:
    here = tmp_path_factory.mktemp("production")
    files = Files(here)
    port, probe, extractor_port, extractor_probe = free_ports(4)
    async with EmbeddedRedis(here / "redis") as redis:
        extractor = extractor_of(files, here, extractor_port, extractor_probe)
        memory = memory_of(files, here, (port, probe, extractor_port), redis.url)
        async with serving(extractor), serving(memory):
            yield Production(f"localhost:{port}", str(files.ca_file), files.shown)


async def code_of_a_call(target: str) -> grpc.StatusCode:
    async with connecting.connect(target) as channel:
        stub: Any = MemoryServiceStub(channel)
        try:
            await stub.ListMemories(REQUEST, timeout=5)
        except grpc.aio.AioRpcError as error:
            return error.code()
    return grpc.StatusCode.OK


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({}, grpc.StatusCode.OK),
        ({"AGENT_MEMORY_TOKEN": ""}, grpc.StatusCode.UNAUTHENTICATED),
        ({"AGENT_MEMORY_TOKEN": "am_0_0"}, grpc.StatusCode.UNAUTHENTICATED),
        # The system's authorities have not signed it; nothing is sent.
        ({"AGENT_MEMORY_CA": ""}, grpc.StatusCode.UNAVAILABLE),
        ({"AGENT_MEMORY_CA": "", "AGENT_MEMORY_TOKEN": ""}, grpc.StatusCode.UNAVAILABLE),
    ],
    ids=["as handed out", "no key", "a wrong key", "no authority", "nothing"],
)
async def test_the_environment_says_who_is_calling(
    production: Production,
    monkeypatch: pytest.MonkeyPatch,
    changed: dict[str, str],
    code: grpc.StatusCode,
) -> None:
    for name, value in (production.environment | changed).items():
        monkeypatch.setenv(name, value)
    assert await code_of_a_call(production.target) is code


@needs_node
@pytest.mark.usefixtures("node_packages")
async def test_node_shows_a_key_over_tls(production: Production) -> None:
    shown = await run("node", "remember.js", production.target, "node", **production.environment)
    assert "found: Alice is allergic to nuts." in shown.splitlines()
    keyless = production.environment | {"AGENT_MEMORY_TOKEN": "", "TARGET": production.target}
    told = await run("node", "--input-type=module", "--eval", ONE_CALL, **keyless)
    assert "UNAUTHENTICATED" in told


ONE_CALL = """
    import {call, connect, problem} from './client.js';
    const memory = connect(process.env.TARGET);
    const scope = {userId: 'alice'};
    console.log(await call(memory, 'ListMemories', {scope}).catch(problem));
    memory.close();
"""
