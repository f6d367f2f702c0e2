from __future__ import annotations

import asyncio
import gc

import pytest

from memory_service.keyed_locks import KeyedLocks


async def test_one_key_is_held_by_one_task_at_a_time():
    locks = KeyedLocks[str]()
    inside = most = 0

    async def work() -> None:
        nonlocal inside, most
        async with locks.hold("a"):
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0)
            inside -= 1

    await asyncio.gather(*(work() for _ in range(20)))
    assert (most, inside) == (1, 0)


async def test_another_key_is_not_waited_for():
    locks = KeyedLocks[str]()
    async with locks.hold("a"):
        async with asyncio.timeout(5), locks.hold("b"):
            pass
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01), locks.hold("a"):
                pass


async def test_a_waiter_that_gives_up_and_a_holder_that_fails_leave_the_lock_to_others():
    locks = KeyedLocks[str]()

    async def fail_while_another_gives_up() -> None:
        async with locks.hold("a"):
            waiter = asyncio.create_task(locks.hold("a").__aenter__())
            await asyncio.sleep(0)
            waiter.cancel()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail_while_another_gives_up()
    async with asyncio.timeout(5), locks.hold("a"):
        pass


async def test_locks_that_nobody_holds_are_forgotten():
    locks = KeyedLocks[int]()
    for key in range(100):
        async with locks.hold(key):
            pass
    gc.collect()
    assert len(locks._locks) == 0


async def test_who_has_waited_long_enough_goes_on_without_the_lock():
    locks = KeyedLocks[str](patience=0.01)
    async with locks.hold("a"):
        async with asyncio.timeout(5), locks.hold("a"):
            pass
        # It has let go of nothing that it did not hold.
        assert locks._locks["a"].locked()
    async with asyncio.timeout(5), locks.hold("a"):
        pass
