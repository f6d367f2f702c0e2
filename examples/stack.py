"""The whole stack on this machine: embedded Redis, ExtractorService, MemoryService.

`python -m examples.stack` serves it until Ctrl-C. `REDIS_URL` uses that Redis instead.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from examples.command_line import no_arguments
from memory_service.domain.errors import StoreUnavailable
from memory_service.embedded import EmbeddedRedis, EmbeddedRedisError, default_data_dir
from memory_service.store.connection import check_engine, connect
from service_kit.children import ChildError, ServerProcess

WARM_SECONDS = 180.0
"""How long the extractor may take to load its models."""


@dataclass(frozen=True)
class Addresses:
    """Where the parts listen. gRPC takes host:port and unix:path alike."""

    memory: str = "127.0.0.1:50051"
    extractor: str = "127.0.0.1:50052"
    memory_metrics: int = 9464
    extractor_metrics: int = 9465


@dataclass(frozen=True)
class Stack:
    """A running stack."""

    redis_url: str
    addresses: Addresses
    memory: ServerProcess
    extractor: ServerProcess


Work = Callable[[Stack], Awaitable[int]]


@dataclass(frozen=True)
class Options:
    """How to start a stack: where it listens, keeps its data and logs, and further settings."""

    addresses: Addresses
    data_dir: Path
    log_dir: Path
    redis_url: str | None = None
    memory: Mapping[str, str] = field(default_factory=dict)
    extractor: Mapping[str, str] = field(default_factory=dict)


@asynccontextmanager
async def running(options: Options) -> AsyncIterator[Stack]:
    """Start everything, wait until it serves, and stop it afterwards.

    Raises ChildError, EmbeddedRedisError and StoreUnavailable, each with a clear line.
    """
    async with AsyncExitStack() as stack:
        extractor = _extractor(options)
        await extractor.start()
        stack.push_async_callback(extractor.stop)
        redis_url = (
            options.redis_url
            or (await stack.enter_async_context(EmbeddedRedis(options.data_dir))).url
        )
        await _check(redis_url)
        memory = _memory(options, redis_url)
        await memory.start()
        stack.push_async_callback(memory.stop)
        await memory.serving()
        await extractor.serving(seconds=WARM_SECONDS)
        yield Stack(redis_url, options.addresses, memory, extractor)


def in_directory(directory: Path, *, redis_url: str | None = None) -> Options:
    """Return options for a stack that keeps to one directory: no ports, nothing left elsewhere."""
    addresses = Addresses(
        memory=f"unix:{directory}/memory.sock",
        extractor=f"unix:{directory}/extractor.sock",
        memory_metrics=0,
        extractor_metrics=0,
    )
    return Options(addresses, directory / "redis", directory, redis_url)


def _extractor(options: Options) -> ServerProcess:
    environment = {
        "EXTRACTOR_BIND": options.addresses.extractor,
        "EXTRACTOR_METRICS_PORT": str(options.addresses.extractor_metrics),
        **options.extractor,
    }
    return ServerProcess(
        "extractor_service",
        address=options.addresses.extractor,
        environment=environment,
        log=options.log_dir / "extractor.log",
    )


def _memory(options: Options, redis_url: str) -> ServerProcess:
    environment = {
        "REDIS_URL": redis_url,
        "MEMORY_BIND": options.addresses.memory,
        "MEMORY_METRICS_PORT": str(options.addresses.memory_metrics),
        "MEMORY_EXTRACTOR": options.addresses.extractor,
        **options.memory,
    }
    return ServerProcess(
        "memory_service",
        address=options.addresses.memory,
        environment=environment,
        log=options.log_dir / "memory.log",
    )


async def _check(redis_url: str) -> None:
    """Say what is wrong with a Redis before a service has to."""
    redis = connect(redis_url, max_connections=1)
    try:
        await check_engine(redis)
    finally:
        await redis.aclose()


BANNER = """
MemoryService     {memory}      metrics http://127.0.0.1:{memory_metrics}/metrics
ExtractorService  {extractor}      metrics http://127.0.0.1:{extractor_metrics}/metrics
Redis             {redis}
logs              {logs}

Try it:

{lines}

Ctrl-C stops everything.
"""

_ALICE = {"user_id": "alice", "session_id": "s1"}
_SAID = "I work as a designer in Lisbon and I am allergic to nuts."
CALLS = {
    "AppendMessages": {
        "scope": _ALICE,
        "messages": [{"role": "ROLE_USER", "name": "Alice", "content": _SAID}],
    },
    "FlushSession": {"scope": _ALICE},
    "SearchMemories": {"scope": {"user_id": "alice"}, "query": "What must Alice not eat?"},
}
"""Append, extract, search: what `make run` invites to paste."""


def banner(stack: Stack, log_dir: Path) -> str:
    """Return what a person needs to know of a running stack."""
    grpcurl = Path(sys.executable).with_name("grpcurl")
    shown = os.path.relpath(grpcurl) if grpcurl.is_relative_to(Path.cwd()) else str(grpcurl)
    return BANNER.format(
        memory=stack.addresses.memory,
        extractor=stack.addresses.extractor,
        memory_metrics=stack.addresses.memory_metrics,
        extractor_metrics=stack.addresses.extractor_metrics,
        redis="REDIS_URL" if "REDIS_URL" in os.environ else stack.redis_url,
        logs=log_dir,
        lines="\n".join(
            f"{shown} -plaintext -d '{json.dumps(request)}' {stack.addresses.memory} "
            f"agentmemory.v1.MemoryService/{method}"
            for method, request in CALLS.items()
        ),
    )


async def _serve() -> None:
    data_dir = default_data_dir()
    log_dir = data_dir / "logs"
    log_dir.mkdir(parents=True, exist_ok=True)
    options = Options(Addresses(), data_dir, log_dir, os.environ.get("REDIS_URL"))
    print("starting; loading the models takes a few seconds", flush=True)
    async with running(options) as stack:
        print(banner(stack, log_dir), flush=True)
        await until_stopped(stack)
        print("stopping", flush=True)


async def until_stopped(stack: Stack) -> None:
    """Wait for a signal that says stop. Raises ChildError if a part of the stack ends by itself."""
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    parts = {asyncio.create_task(part.ended()): part for part in (stack.memory, stack.extractor)}
    stopping = asyncio.create_task(stopped.wait())
    await asyncio.wait([stopping, *parts], return_when=asyncio.FIRST_COMPLETED)
    dead = [part for task, part in parts.items() if task.done()]
    for task in (stopping, *parts):
        task.cancel()
    if dead and not stopped.is_set():
        raise ChildError(f"{dead[0].module} has ended:\n{dead[0].log_tail()}")


async def temporary(work: Work) -> int:
    """Run `work` against a stack of its own that leaves nothing behind."""
    with tempfile.TemporaryDirectory(prefix="agent-memory-") as directory:
        options = in_directory(Path(directory), redis_url=os.environ.get("REDIS_URL"))
        async with running(options) as stack:
            return await work(stack)


def main() -> int:
    """Serve until Ctrl-C; one line on stderr and 1 if that cannot be."""
    try:
        asyncio.run(_serve())
    except (ChildError, EmbeddedRedisError, StoreUnavailable) as error:
        print(f"stopped: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    no_arguments(__doc__)
    sys.exit(main())
