"""Makes sure that a loop that talks to Redis ends when its task is cancelled."""

from __future__ import annotations

import asyncio


def check_cancelled() -> None:
    """Raise CancelledError if this task was cancelled, even if the cancellation has got lost.

    `asyncio.wait_for`, in which redis-py sends, drops a cancellation that comes in the moment when
    what it waits for is done (Python 3.11: https://github.com/python/cpython/issues/86296).
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
