"""Work that takes some milliseconds is done in a thread, so that others are answered meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

Answer = TypeVar("Answer")

LONG = 4096
"""Characters of text whose words take some milliseconds to look at."""


async def in_time(size: int, work: Callable[[], Answer]) -> Answer:
    """Return what `work`, which looks at `size` characters of text, gives."""
    return work() if size < LONG else await asyncio.to_thread(work)
