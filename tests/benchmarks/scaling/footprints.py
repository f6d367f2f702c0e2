"""The memory of the processes, and the connections to Redis that many callers need."""

from __future__ import annotations

import asyncio
import re
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import psutil

from tests.benchmarks import operations
from tests.benchmarks.processes import Processes

from .costs import drive
from .stand import Stand

MANY = 64
"""Callers at once."""


@dataclass(frozen=True)
class Footprint:
    """Bytes of a process: resident when it began to serve, and the most there ever were."""

    process: str
    at_start: int
    most: int


def resident(pids: Mapping[str, int]) -> dict[str, int]:
    """Return the bytes that each process has resident."""
    return {name: psutil.Process(pid).memory_info().rss for name, pid in pids.items()}


def footprints(pids: Mapping[str, int], at_start: Mapping[str, int]) -> list[Footprint]:
    """Return what became of the processes' memory."""
    return [Footprint(name, at_start[name], _most(pid)) for name, pid in pids.items()]


def _most(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    (found,) = re.findall(r"^VmHWM:\s+(\d+) kB$", status, re.MULTILINE)
    return int(found) * 1024


async def connections(stand: Stand, processes: Processes, seconds: float) -> int:
    """Return how many connections MemoryService has opened for MANY callers: none is closed."""
    print(f"connections: {MANY} callers", flush=True)
    for opening in (operations.append, operations.search_hybrid):
        run = partial(drive, opening, callers=MANY, target=stand.one, seconds=seconds, pids={})
        await processes.run("clients", run)
    text = await asyncio.to_thread(_get, f"http://127.0.0.1:{stand.metrics}/metrics")
    states = re.findall(r"^memory_redis_connections\{state=\"\w+\"\} (\S+)$", text, re.MULTILINE)
    return int(sum(map(float, states)))


def _get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return str(answer.read().decode())
