"""Drives an operation as hard as so many callers can: each sends again once it is answered.

A caller that waits for a slow answer sends nothing meanwhile, so latencies are those under this
load, not under a fixed rate of arrivals.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any

import grpc.aio

from .measure import BenchmarkError, Sample

CALL_SECONDS = 30.0
"""The deadline of a call."""

FLUSH_SECONDS = 300.0
"""That of a flush, which on a busy machine extracts for longer."""


@dataclass(frozen=True)
class Target:
    """Where everything listens, and in which namespace to work."""

    memory: str
    extractor: str
    echo: str
    redis_url: str
    namespace: str


@dataclass(frozen=True)
class Operation:
    """Requests, made as they are needed, and what sends one and checks its answer.

    A call does `units` of what is counted. A round ends early when there are no more requests.
    """

    requests: Iterator[Any]
    call: Callable[[Any], Awaitable[None]]
    units: int = 1


Opening = Callable[[Target, float], AbstractAsyncContextManager[Operation]]
"""Connects and makes ready, not measured, for so many seconds of an operation."""


def drive(opening: Opening, concurrency: int, target: Target, seconds: float) -> Sample:
    """Keep `concurrency` calls under way for `seconds`. Raises BenchmarkError if one fails."""
    return asyncio.run(_open_and_drive(opening, concurrency, target, seconds))


async def _open_and_drive(
    opening: Opening, concurrency: int, target: Target, seconds: float
) -> Sample:
    try:
        async with opening(target, seconds) as operation:
            return await keep_busy(operation, concurrency, seconds)
    except grpc.aio.AioRpcError as error:
        # Such an error cannot travel between processes.
        raise BenchmarkError(f"a call failed: {error.code().name}: {error.details()}") from None


async def keep_busy(operation: Operation, concurrency: int, seconds: float) -> Sample:
    """Keep `concurrency` calls of an operation under way for `seconds`."""
    latencies: list[float] = []
    start = time.perf_counter()
    end = start + seconds
    await asyncio.gather(*(_call_until(end, operation, latencies) for _ in range(concurrency)))
    return Sample(time.perf_counter() - start, tuple(latencies), operation.units)


async def _call_until(end: float, operation: Operation, latencies: list[float]) -> None:
    for request in operation.requests:
        sent = time.perf_counter()
        await operation.call(request)
        answered = time.perf_counter()
        latencies.append(answered - sent)
        if answered >= end:
            return
