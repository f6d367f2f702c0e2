"""What an operator sees of the services: health, reflection, metrics."""

from __future__ import annotations

import asyncio
import urllib.request
from collections.abc import AsyncIterator

import grpc
import grpc.aio
import psutil
import pytest
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from prometheus_client.parser import text_string_to_metric_families

from service_kit.children import ServerProcess
from tests.support.client import Caller, health, refusal
from tests.support.stack import Services

SERVICES = {
    "memory": "agentmemory.v1.MemoryService",
    "extractor": "agentmemory.v1.ExtractorService",
}


@pytest.mark.parametrize("name", SERVICES)
async def test_health_answers_for_the_server_and_for_its_service(
    services: Services, name: str
) -> None:
    address = getattr(services, name).address
    assert await health(address) == "SERVING"
    assert await health(address, SERVICES[name]) == "SERVING"


@pytest.mark.parametrize("name", SERVICES)
async def test_a_liveness_probe_asks_for_the_process_alone(services: Services, name: str) -> None:
    assert await health(getattr(services, name).address, "liveness") == "SERVING"


@pytest.mark.parametrize("name", SERVICES)
async def test_health_knows_no_other_service(services: Services, name: str) -> None:
    other = next(service for key, service in SERVICES.items() if key != name)
    code, _ = await refusal(health(getattr(services, name).address, other))
    assert code is grpc.StatusCode.NOT_FOUND


@pytest.mark.parametrize("name", SERVICES)
async def test_reflection_lists_the_services_on_a_socket_of_this_machine(
    services: Services, name: str
) -> None:
    listed = await reflected(getattr(services, name).address)
    assert {SERVICES[name], "grpc.health.v1.Health"} <= listed


async def reflected(address: str) -> set[str]:
    async def ask() -> AsyncIterator[reflection_pb2.ServerReflectionRequest]:
        yield reflection_pb2.ServerReflectionRequest(list_services="")

    async with grpc.aio.insecure_channel(address) as channel:
        stub = reflection_pb2_grpc.ServerReflectionStub(channel)
        async for answer in stub.ServerReflectionInfo(ask(), timeout=10):
            return {service.name for service in answer.list_services_response.service}
    return set()


async def test_metrics_count_rpcs_and_time_them(services: Services, caller: Caller) -> None:
    method = {
        "grpc_type": "unary",
        "grpc_service": SERVICES["memory"],
        "grpc_method": "CreateMemories",
    }
    before = await scraped(services.memory)
    await caller.create("Alice has a cat.")
    await refusal(caller.create(""))
    after = await scraped(services.memory)

    def grown(sample: str, **labels: str) -> float:
        key = (sample, frozenset((method | labels).items()))
        return after[key] - before.get(key, 0.0)

    assert grown("grpc_server_started_total") == 2
    assert grown("grpc_server_handled_total", grpc_code="OK") == 1
    assert grown("grpc_server_handled_total", grpc_code="InvalidArgument") == 1
    assert grown("grpc_server_handling_seconds_count") == 2
    assert grown("grpc_server_handling_seconds_sum") > 0


async def test_the_extractor_has_the_same_metrics(services: Services, caller: Caller) -> None:
    await caller.create("Alice has a cat.")
    samples = await scraped(services.extractor)
    embed = {
        "grpc_type": "unary",
        "grpc_service": SERVICES["extractor"],
        "grpc_method": "Embed",
        "grpc_code": "OK",
    }
    assert samples["grpc_server_handled_total", frozenset(embed.items())] >= 1


Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


async def scraped(process: ServerProcess) -> Samples:
    """The samples that a process shows, by name and labels."""
    (port,) = {
        connection.laddr.port
        for connection in psutil.Process(process.pid).net_connections(kind="tcp")
        if connection.status == psutil.CONN_LISTEN
    }
    text = await asyncio.to_thread(_get, f"http://127.0.0.1:{port}/metrics")
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def _get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return str(answer.read().decode())
