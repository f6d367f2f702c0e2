from __future__ import annotations

import asyncio

import pytest

from memory_service.alongside import alongside


async def test_work_goes_on_while_the_block_runs_and_gives_its_outcome():
    ran = asyncio.Event()

    async def work() -> str:
        ran.set()
        return "done"

    async with alongside(work()) as running:
        await ran.wait()
        assert await running == "done"
        assert await running == "done"


async def test_work_does_not_outlive_the_block_nor_one_that_fails():
    ends: list[str] = []

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ends.append("ended")

    async with alongside(work()):
        await asyncio.sleep(0)

    async def fail() -> None:
        async with alongside(work()):
            await asyncio.sleep(0)
            raise KeyError

    with pytest.raises(KeyError):
        await fail()
    assert ends == ["ended", "ended"]


async def test_a_failure_is_raised_where_the_outcome_is_wanted_and_nowhere_else(
    caplog: pytest.LogCaptureFixture,
):
    async def work() -> None:
        raise KeyError

    async with alongside(work()) as running:
        with pytest.raises(KeyError):
            await running
    async with alongside(work()):
        await asyncio.sleep(0)
    assert caplog.records == []
