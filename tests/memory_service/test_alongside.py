from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from memory_service.alongside import alongside


async def test_both_go_on_at_once_and_give_what_they_have():
    one, other = asyncio.Event(), asyncio.Event()

    async def first() -> str:
        one.set()
        await other.wait()
        return "first"

    async def second() -> str:
        await one.wait()
        other.set()
        return "second"

    async with asyncio.timeout(10):
        assert await alongside(first(), second()) == ("first", "second")


async def test_what_the_first_asks_of_the_loop_comes_before_the_other():
    order: list[str] = []

    async def first() -> None:
        await asyncio.gather(send())

    async def send() -> None:
        order.append("sent")

    async def second() -> None:
        order.append("other")

    await alongside(first(), second())
    assert order == ["sent", "other"]


@pytest.fixture
def ends() -> list[str]:
    return []


@pytest.fixture
def endless(ends: list[str]) -> Callable:
    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ends.append("ended")

    return work


async def fail() -> None:
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    raise KeyError


async def test_one_that_fails_ends_the_other_and_its_error_is_raised(
    ends: list[str], endless: Callable
):
    with pytest.raises(KeyError):
        await alongside(endless(), fail())
    with pytest.raises(KeyError):
        await alongside(fail(), endless())
    assert ends == ["ended", "ended"]


async def test_where_both_fail_one_error_is_raised():
    with pytest.raises(KeyError):
        await alongside(fail(), fail())


async def test_one_that_fails_before_the_other_has_begun_leaves_nothing_behind(
    ends: list[str], endless: Callable
):
    async def fail_at_once() -> None:
        raise KeyError

    with pytest.raises(KeyError):
        await alongside(fail_at_once(), endless())
    assert ends == []


async def test_a_caller_who_goes_ends_both(ends: list[str], endless: Callable):
    task = asyncio.create_task(alongside(endless(), endless()))
    for _ in range(3):
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ends == ["ended", "ended"]
