"""The whole stack as processes, with a line that can be cut between each pair of them."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from memory_service.embedded import EmbeddedRedis
from service_kit.children import ServerProcess
from tests.chaos.record import Record, Size
from tests.chaos.schedule import LINKS, MEMORIES
from tests.support.client import Stub, connected
from tests.support.proxy import Proxy
from tests.support.stack import extractor_in, memory_in, serving

_START_SECONDS = 120.0
_SETTINGS = {"MEMORY_DELTA_MESSAGES": "8", "MEMORY_DRAIN_SECONDS": "5"}
_SIZE_EVERY_SECONDS = 0.5


@dataclass
class Stand:
    """Two MemoryServices, an extractor and a Redis that syncs each write."""

    directory: Path
    redis: EmbeddedRedis
    servers: dict[str, ServerProcess]
    links: dict[str, Proxy]
    stubs: list[Stub]
    lives: dict[str, int] = field(default_factory=dict)

    def pid(self, name: str) -> int:
        """The process of this name."""
        pid = self.redis.pid if name == "redis" else self.servers[name].pid
        assert pid is not None
        return pid

    def send(self, name: str, number: signal.Signals) -> None:
        """Send a signal to a process."""
        with suppress(ProcessLookupError):
            os.kill(self.pid(name), number)

    async def end(self, name: str, number: signal.Signals) -> None:
        """End a process by this signal, and wait until it is gone."""
        if name == "redis":
            self.send(name, number)
            await self.redis.stop()
            return
        server = self.servers[name]
        server.send(number)
        try:
            async with asyncio.timeout(40):
                await server.ended()
        except TimeoutError:
            await server.kill()
            raise AssertionError(f"{name} did not end after {number.name}") from None

    async def start(self, name: str) -> None:
        """Start a process that has ended, and wait until it serves.

        A MemoryService does not start without Redis: it is started until it does.
        """
        self.lives[name] = self.lives.get(name, 0) + 1
        if name == "redis":
            await self.redis.start()
            return
        server = self.servers[name]
        async with asyncio.timeout(_START_SECONDS):
            while True:
                await server.start()
                serves = asyncio.ensure_future(server.serving(seconds=_START_SECONDS))
                ends = asyncio.ensure_future(server.ended())
                await asyncio.wait([serves, ends], return_when=asyncio.FIRST_COMPLETED)
                for waiting in (serves, ends):
                    waiting.cancel()
                await asyncio.gather(serves, ends, return_exceptions=True)
                if not server.has_ended:
                    return
                await asyncio.sleep(0.2)

    def logs(self) -> str:
        """The ends of what the processes have logged."""
        return "\n".join(f"{name}:\n{server.log_tail()}" for name, server in self.servers.items())

    async def measure(self, record: Record) -> None:
        """Note the sizes of all processes, until cancelled."""
        while True:
            for name in (*self.servers, "redis"):
                with suppress(psutil.Error, AssertionError, RuntimeError):
                    size = psutil.Process(self.pid(name)).memory_info().rss
                    record.sizes.append(Size(name, self.lives.get(name, 0), record.now, size))
            await asyncio.sleep(_SIZE_EVERY_SECONDS)


@asynccontextmanager
async def standing(directory: Path) -> AsyncIterator[Stand]:
    """Start everything, and end it afterwards, whatever was done to it."""
    async with AsyncExitStack() as stack:
        redis = await stack.enter_async_context(
            EmbeddedRedis(directory / "redis", appendfsync="always")
        )
        extractor = extractor_in(directory)
        servers = {"extractor": extractor}
        links = {}
        for name in LINKS:
            end, _, instance = name.partition("-")
            target = {
                "client": directory / f"memory-{instance}.sock",
                "redis": directory / "redis" / "redis.sock",
                "extractor": directory / "extractor.sock",
            }[end]
            links[name] = await stack.enter_async_context(Proxy(directory / f"{name}.link", target))
        for name in MEMORIES:
            instance = name.removeprefix("memory-")
            servers[name] = memory_in(
                directory,
                redis_url=f"unix://{links[f'redis-{instance}'].path}",
                extractor=links[f"extractor-{instance}"].address,
                name=name,
                settings=_SETTINGS,
            )
        for server in servers.values():
            await server.start()
            stack.push_async_callback(_ended, server)
        for server in servers.values():
            await server.serving(seconds=_START_SECONDS)
        stubs = [
            await stack.enter_async_context(connected(links[f"client-{name[-1]}"].address))
            for name in MEMORIES
        ]
        yield Stand(directory, redis, servers, links, stubs)


async def _ended(server: ServerProcess) -> None:
    server.send(signal.SIGCONT)
    await server.stop()


@asynccontextmanager
async def undisturbed(stand: Stand) -> AsyncIterator[Stub]:
    """A MemoryService on an empty Redis, to which nothing happens."""
    directory = stand.directory / "calm"
    directory.mkdir()
    async with EmbeddedRedis(directory / "redis") as redis:
        extractor = stand.servers["extractor"].address
        settings = {"MEMORY_EXTRACTION": "false"}
        memory = memory_in(directory, redis_url=redis.url, extractor=extractor, settings=settings)
        async with serving(memory), connected(memory.address) as stub:
            yield stub
