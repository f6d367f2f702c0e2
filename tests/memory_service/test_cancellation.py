from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from memory_service.cancellation import check_cancelled


async def test_a_cancellation_that_got_lost_is_raised_again():
    async def lossy() -> None:
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        check_cancelled()

    task = asyncio.create_task(lossy())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert task.cancelled()


async def test_a_task_that_nobody_cancelled_goes_on_also_after_a_timeout():
    check_cancelled()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await asyncio.Event().wait()
    check_cancelled()
