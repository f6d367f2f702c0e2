"""Wait for something to become true; no test sleeps and hopes."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable

EVERY_SECONDS = 0.01


async def wait_until(
    predicate: Callable[[], bool | Awaitable[bool]], what: str, *, seconds: float = 5.0
) -> None:
    """Return as soon as `predicate()` holds; fail, naming `what`, if it does not in `seconds`."""
    end = time.monotonic() + seconds
    while not await _holds(predicate):
        if time.monotonic() > end:
            raise AssertionError(f"after {seconds} s there is still not: {what}")
        await asyncio.sleep(EVERY_SECONDS)


async def _holds(predicate: Callable[[], bool | Awaitable[bool]]) -> bool:
    answer = predicate()
    return bool(await answer) if inspect.isawaitable(answer) else bool(answer)
