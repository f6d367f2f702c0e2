"""Read, decide, write if nothing moved since: again until it holds."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from memory_service.domain.errors import Contention

ATTEMPTS = 20
"""How often a change is made anew when others keep changing what it was made from."""

Written = TypeVar("Written")


async def until_written(attempt: Callable[[], Awaitable[Written | None]]) -> Written:
    """Return what `attempt` wrote; it gives None if what it had read has moved.

    Raises Contention.
    """
    for _ in range(ATTEMPTS):
        written = await attempt()
        if written is not None:
            return written
    raise Contention
