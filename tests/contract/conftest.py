"""One stack for the tests of the contract, on loopback ports: grpcurl takes no unix: target."""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack
from itertools import count
from pathlib import Path

import grpc.aio
import pytest
from agentmemory.v1 import memory_pb2
from agentmemory.v1.extractor_service_pb2_grpc import ExtractorServiceStub
from agentmemory.v1.memory_service_pb2_grpc import MemoryServiceStub
from redis.asyncio import Redis

from examples.stack import Addresses, Options, Stack, running
from memory_service.store.connection import connect
from tests.contract.seed import Seed, sow
from tests.support.redis import leaks

pytest.register_assert_rewrite("tests.contract.refusals")


def free_ports(number: int) -> list[int]:
    """Return ports that nobody listens on; all are held until all are known."""
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(number)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def options(directory: Path) -> Options:
    memory, extractor, memory_metrics = free_ports(3)
    addresses = Addresses(
        f"127.0.0.1:{memory}", f"127.0.0.1:{extractor}", memory_metrics, extractor_metrics=0
    )
    return Options(
        addresses,
        directory / "redis",
        directory,
        os.environ.get("REDIS_URL"),
        # Nothing happens but what a test asks for, so that it can say that nothing else did.
        memory={"MEMORY_EXTRACTION": "false"},
        extractor={"EXTRACTOR_MODEL": "hash"},
    )


@pytest.fixture(scope="session")
async def stack() -> AsyncIterator[Stack]:
    with tempfile.TemporaryDirectory(prefix="am-test-") as directory:
        async with running(options(Path(directory))) as started:
            yield started
            client = connect(started.redis_url, max_connections=1)
            assert await leaks(client) == []
            await client.aclose()


@pytest.fixture(scope="session")
async def memory(stack: Stack) -> AsyncIterator[MemoryServiceStub]:
    async with grpc.aio.insecure_channel(
        stack.addresses.memory, options=[("grpc.max_send_message_length", -1)]
    ) as channel:
        yield MemoryServiceStub(channel)


@pytest.fixture(scope="session")
async def extractor(stack: Stack) -> AsyncIterator[ExtractorServiceStub]:
    async with grpc.aio.insecure_channel(stack.addresses.extractor) as channel:
        yield ExtractorServiceStub(channel)


@pytest.fixture(scope="session")
async def database(stack: Stack) -> AsyncIterator[Redis]:
    client = connect(stack.redis_url)
    try:
        yield client
    finally:
        await client.aclose()


@pytest.fixture(scope="session")
def new_scope() -> Callable[[], memory_pb2.Scope]:
    """Scopes of users that no other test has."""
    numbers = count(1)
    return lambda: memory_pb2.Scope(namespace="contract", user_id=f"user {next(numbers)}")


@pytest.fixture(scope="session")
async def seed(memory: MemoryServiceStub, new_scope: Callable[[], memory_pb2.Scope]) -> Seed:
    return await sow(memory, new_scope(), new_scope())
