"""Two replicas of each service on one Redis, and another of each that may use more."""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from memory_service.embedded import EmbeddedRedis
from service_kit.children import ServerProcess
from tests.benchmarks.load import Target
from tests.benchmarks.stand import NO_BACKGROUND
from tests.contract.conftest import free_ports

_WARM_SECONDS = 240.0
_PATIENT = {"MEMORY_EMBED_TIMEOUT_SECONDS": "20"}
"""What is measured is what a service does, not when it gives up waiting."""


@dataclass(frozen=True)
class Stand:
    """`one` and `other` are MemoryServices, each with an extractor of its own that has one thread.

    `wide` has an extractor with two threads, and `both` has those of `one` and `other` behind one
    name.
    """

    one: Target
    other: Target
    wide: Target
    both: Target
    memory: int
    extractor: int
    redis: int
    echo: int
    metrics: int

    @property
    def processes(self) -> dict[str, int]:
        """The process ids of what `one` is made of, by name."""
        return {
            "MemoryService": self.memory,
            "ExtractorService": self.extractor,
            "Redis": self.redis,
        }


@asynccontextmanager
async def replicas(model: str) -> AsyncIterator[Stand]:
    """Start everything with this embedding model, and stop it afterwards.

    Raises ChildError, EmbeddedRedisError and StoreUnavailable, each with a clear line.
    """
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="agent-memory-")))
        redis = await stack.enter_async_context(EmbeddedRedis(folder / "redis"))
        first, second, third, metrics = free_ports(4)
        extractors = [
            _extractor(folder, port, model, threads)
            for port, threads in ((first, 1), (second, 1), (third, 2))
        ]
        await _started(stack, extractors)
        behind = [f"127.0.0.1:{port}" for port in (first, second, third)]
        behind.append(f"ipv4:{behind[0]},{behind[1]}")
        memories = [
            _memory(folder, number, redis.url, extractor, metrics if number == 0 else 0)
            for number, extractor in enumerate(behind)
        ]
        echo = _echo(folder)
        await _started(stack, [*memories, echo])
        namespace = f"scaling-{secrets.token_hex(4)}"
        targets = [
            Target(memory.address, extractor, echo.address, redis.url, namespace)
            for memory, extractor in zip(memories, behind, strict=True)
        ]
        assert redis.pid
        one, other, wide, both = targets
        yield Stand(
            *(one, other, wide, both),
            memory=memories[0].pid,
            extractor=extractors[0].pid,
            redis=redis.pid,
            echo=echo.pid,
            metrics=metrics,
        )


async def _started(stack: AsyncExitStack, processes: Sequence[ServerProcess]) -> None:
    for process in processes:
        await process.start()
        stack.push_async_callback(process.stop)
    for process in processes:
        await process.serving(seconds=_WARM_SECONDS)


def _extractor(folder: Path, port: int, model: str, threads: int) -> ServerProcess:
    address = f"127.0.0.1:{port}"
    environment = {
        "EXTRACTOR_BIND": address,
        "EXTRACTOR_MODEL": model,
        "EXTRACTOR_TORCH_THREADS": str(threads),
        "EXTRACTOR_METRICS_PORT": "0",
    }
    log = folder / f"extractor-{port}.log"
    return ServerProcess("extractor_service", address=address, environment=environment, log=log)


def _memory(
    folder: Path, number: int, redis_url: str, extractor: str, metrics: int
) -> ServerProcess:
    address = f"unix:{folder}/memory-{number}.sock"
    environment = {
        "REDIS_URL": redis_url,
        "MEMORY_BIND": address,
        "MEMORY_EXTRACTOR": extractor,
        "MEMORY_METRICS_PORT": str(metrics),
        **NO_BACKGROUND,
        **_PATIENT,
    }
    log = folder / f"memory-{number}.log"
    return ServerProcess("memory_service", address=address, environment=environment, log=log)


def _echo(folder: Path) -> ServerProcess:
    address = f"unix:{folder}/echo.sock"
    return ServerProcess(
        "tests.benchmarks.echo",
        address=address,
        environment={"ECHO_BIND": address},
        log=folder / "echo.log",
    )
