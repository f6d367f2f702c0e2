"""Work that goes on while other work is waited for; neither outlives a failure of the other."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")
U = TypeVar("U")


async def alongside(work: Awaitable[T], other: Coroutine[Any, Any, U]) -> tuple[T, U]:
    """Return what both give. The first that fails ends the other, and its error is raised.

    `work` is begun first, and waited for in the task of now, which spares it the way through the
    event loop that the outcome of a task takes.
    """
    try:
        async with asyncio.TaskGroup() as group:
            task = group.create_task(_after_a_step(other))
            done = await work
    except BaseExceptionGroup as failed:
        raise failed.exceptions[0] from None
    finally:
        other.close()  # If it has not begun; else it has ended.
    return done, task.result()


async def _after_a_step(work: Coroutine[Any, Any, U]) -> U:
    await asyncio.sleep(0)  # What was asked of the event loop before, like a call, comes first.
    return await work
