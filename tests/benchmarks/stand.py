"""The stand: a whole stack with memories in it, and the echo server beside it."""

from __future__ import annotations

import asyncio
import os
import secrets
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import grpc.aio
from agentmemory.v1.memory_service_pb2_grpc import MemoryServiceStub

from examples.stack import in_directory, running
from service_kit.children import ServerProcess

from . import operations
from .load import Target

OTHERS = 20
"""Owners beside the one whose memories are searched; each has this part of its memories."""

NO_BACKGROUND = {"MEMORY_EXTRACTION": "false"}
"""What is appended would be extracted while other things are measured. Flushes still extract."""

_LOADERS = 2


@asynccontextmanager
async def stand(
    memory: Mapping[str, str] = NO_BACKGROUND, metrics: tuple[int, int] = (0, 0)
) -> AsyncIterator[Target]:
    """Start everything, on unix sockets, and stop it afterwards. `REDIS_URL` uses that Redis.

    `memory` are settings of MemoryService, `metrics` the ports of its metrics and the extractor's.
    Raises ChildError, EmbeddedRedisError and StoreUnavailable, each with a clear line.
    """
    with tempfile.TemporaryDirectory(prefix="agent-memory-") as name:
        directory = Path(name)
        options = in_directory(directory, redis_url=os.environ.get("REDIS_URL"))
        addresses = replace(
            options.addresses, memory_metrics=metrics[0], extractor_metrics=metrics[1]
        )
        async with (
            running(replace(options, addresses=addresses, memory=memory)) as stack,
            _echo(directory) as echo,
        ):
            yield Target(
                memory=stack.addresses.memory,
                extractor=stack.addresses.extractor,
                echo=echo,
                redis_url=stack.redis_url,
                namespace=f"benchmark-{secrets.token_hex(4)}",
            )


async def load(target: Target, memories: int, loaded: Callable[[int], object]) -> None:
    """Create `memories` of one user, and as many of OTHERS together; tell `loaded` of each batch.

    Raises BenchmarkError and grpc.aio.AioRpcError.
    """
    users = {operations.READER: memories}
    users |= {f"other-{n}": max(1, memories // OTHERS) for n in range(OTHERS)}
    requests = (
        request
        for user, count in users.items()
        for request in operations.load_requests(target.namespace, user, count)
    )
    async with grpc.aio.insecure_channel(target.memory) as channel:
        stub = MemoryServiceStub(channel)

        async def create() -> None:
            for request in requests:
                await operations.create_checked(stub, request)
                loaded(len(request.memories))

        await asyncio.gather(*(create() for _ in range(_LOADERS)))


def loaded_in_all(memories: int) -> int:
    """Return how many memories `load` creates."""
    return memories + OTHERS * max(1, memories // OTHERS)


@asynccontextmanager
async def _echo(directory: Path) -> AsyncIterator[str]:
    address = f"unix:{directory}/echo.sock"
    server = ServerProcess(
        "tests.benchmarks.echo",
        address=address,
        environment={"ECHO_BIND": address},
        log=directory / "echo.log",
    )
    await server.start()
    try:
        await server.serving()
        yield address
    finally:
        await server.stop()
