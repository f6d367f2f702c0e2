"""One stack for all tests that leave it as it is, each with users of its own."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from memory_service.embedded import EmbeddedRedis
from memory_service.store.connection import connect
from service_kit.children import ServerProcess
from tests.support.client import Caller, Stub, connected
from tests.support.redis import leaks
from tests.support.stack import Services, extractor_in, memory_in, serving


@pytest.fixture(scope="session")
async def extractor() -> AsyncIterator[ServerProcess]:
    """An extractor that no test harms."""
    with tempfile.TemporaryDirectory(prefix="am-e2e-") as name:
        async with serving(extractor_in(Path(name))) as process:
            yield process


@pytest.fixture
def directory() -> Iterator[Path]:
    """A directory whose name is short enough for sockets."""
    with tempfile.TemporaryDirectory(prefix="am-e2e-") as name:
        yield Path(name)


@pytest.fixture(scope="session")
async def services(extractor: ServerProcess) -> AsyncIterator[Services]:
    """A whole stack that no test harms; nothing may be left in it that has no name."""
    with tempfile.TemporaryDirectory(prefix="am-e2e-") as name:
        here = Path(name)
        async with EmbeddedRedis(here / "redis") as redis:
            memory = memory_in(here, redis_url=redis.url, extractor=extractor.address)
            async with serving(memory):
                yield Services(redis.url, extractor, memory)
            await _assert_no_leaks(redis.url)


async def _assert_no_leaks(redis_url: str) -> None:
    client = connect(redis_url, max_connections=1)
    try:
        assert await leaks(client) == []
    finally:
        await client.aclose()


@pytest.fixture(scope="session")
async def stub(services: Services) -> AsyncIterator[Stub]:
    async with connected(services.memory.address) as stub:
        yield stub


@pytest.fixture
def caller(stub: Stub, request: pytest.FixtureRequest) -> Caller:
    """A user of the shared stack who is this test's own."""
    return Caller(stub, user=request.node.name)
