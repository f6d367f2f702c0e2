"""The services as real processes, on Unix sockets, with settings that suit a test's patience."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from service_kit.children import ServerProcess

FAST = {
    "MEMORY_QUIET_SECONDS": "0.1",
    "MEMORY_LONGEST_SECONDS": "0.5",
    "MEMORY_CLAIM_IDLE_SECONDS": "1",
    "MEMORY_LEASE_SECONDS": "1",
    "MEMORY_SWEEP_SECONDS": "0.1",
    "MEMORY_EXPIRY_SECONDS": "0.1",
    "MEMORY_METRICS_PORT": "0",
}
SMALL_DELTAS = {"MEMORY_DELTA_MESSAGES": "3"}
"""So many deltas that even a short conversation has a middle."""

_WARM_SECONDS = 90.0


@dataclass(frozen=True)
class Services:
    """A stack that serves."""

    redis_url: str
    extractor: ServerProcess
    memory: ServerProcess


def extractor_in(
    directory: Path, *, model: str = "hash", settings: Mapping[str, str] | None = None
) -> ServerProcess:
    """An ExtractorService; by default without a model, which starts in seconds."""
    address = f"unix:{directory}/extractor.sock"
    environment = {
        "EXTRACTOR_BIND": address,
        "EXTRACTOR_MODEL": model,
        "EXTRACTOR_TORCH_THREADS": "1",
        "EXTRACTOR_METRICS_PORT": "0",
        **(settings or {}),
    }
    return ServerProcess(
        "extractor_service",
        address=address,
        environment=environment,
        log=directory / "extractor.log",
    )


def memory_in(
    directory: Path,
    *,
    redis_url: str,
    extractor: str,
    name: str = "memory",
    settings: Mapping[str, str] | None = None,
) -> ServerProcess:
    """A MemoryService. Without a `redis_url` it starts a Redis of its own in the directory."""
    address = f"unix:{directory}/{name}.sock"
    environment = {
        **FAST,
        "REDIS_URL": redis_url,
        "MEMORY_DATA_DIR": str(directory / "redis"),
        "MEMORY_BIND": address,
        "MEMORY_EXTRACTOR": extractor,
        **(settings or {}),
    }
    return ServerProcess(
        "memory_service", address=address, environment=environment, log=directory / f"{name}.log"
    )


@asynccontextmanager
async def serving(process: ServerProcess) -> AsyncIterator[ServerProcess]:
    """Start a process, and stop it afterwards, whatever was done to it meanwhile."""
    await process.start()
    try:
        await process.serving(seconds=_WARM_SECONDS)
        yield process
    finally:
        await process.stop()


async def again(process: ServerProcess) -> None:
    """Start a process that has ended once more."""
    await process.start()
    await process.serving(seconds=_WARM_SECONDS)
