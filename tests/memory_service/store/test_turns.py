from __future__ import annotations

import asyncio

from redis.asyncio import Redis

from memory_service.store.keys import FORGETTING
from memory_service.store.turns import DONE, Turns
from tests.support.waiting import wait_until

HOUR = 3600.0


def turns(redis: Redis, *, every: float = HOUR, lease: float = 60) -> Turns:
    return Turns(redis, FORGETTING, every=every, lease=lease)


async def test_one_of_many_takes_the_turn(bare_redis: Redis):
    taken = await asyncio.gather(*(turns(bare_redis).take() for _ in range(8)))
    assert sorted(taken) == [False] * 7 + [True]


async def test_after_a_turn_the_next_is_due_when_its_time_has_come(bare_redis: Redis):
    first = turns(bare_redis, every=0.2)
    assert await first.take()
    await first.done()
    assert await bare_redis.get(FORGETTING) == DONE.encode()
    restarted = turns(bare_redis, every=0.2)
    assert not await restarted.take()
    await wait_until(restarted.take, "the next turn is due")


async def test_a_turn_of_a_process_that_is_gone_is_taken_over(bare_redis: Redis):
    assert await turns(bare_redis, lease=0.1).take()
    await wait_until(turns(bare_redis).take, "the turn is taken over")


async def test_who_is_at_work_keeps_the_turn_and_who_lost_it_is_told(bare_redis: Redis):
    slow = turns(bare_redis, lease=5)
    assert await slow.take()
    await bare_redis.pexpire(FORGETTING, 100)
    assert await slow.still_ours()
    assert await bare_redis.pttl(FORGETTING) > 4000
    await bare_redis.delete(FORGETTING)
    other = turns(bare_redis)
    assert await other.take()
    assert not await slow.still_ours()
    await slow.done()
    assert await other.still_ours()
