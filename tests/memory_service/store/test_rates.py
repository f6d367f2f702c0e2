from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from redis.asyncio import Redis

from memory_service.domain.errors import RateExceeded
from memory_service.store.keys import streams_key
from memory_service.store.rates import RequestRates, StreamPlaces
from tests.support.waiting import wait_until

ACME = "acme: {1}*"


async def admitted(rates: RequestRates, number: int, tenant: str = ACME) -> int:
    """Return how many of so many requests are let in."""
    count = 0
    for _ in range(number):
        try:
            await rates.admit(tenant)
        except RateExceeded:
            continue
        count += 1
    return count


async def test_a_burst_is_let_in_and_what_is_beyond_it_is_not(redis: Redis) -> None:
    rates = RequestRates(redis, rate=0.001, burst=20)
    assert await admitted(rates, 50) == 20


async def test_all_processes_share_a_tenants_rate_and_no_tenant_anothers(redis: Redis) -> None:
    processes = [RequestRates(redis, rate=0.001, burst=20) for _ in range(3)]
    counts = await asyncio.gather(*(admitted(rates, 20) for rates in processes))
    assert sum(counts) == 20
    assert await admitted(processes[0], 30, "globex") == 20


async def test_who_is_refused_is_told_when_to_come_back_and_is_let_in_then(redis: Redis) -> None:
    rates = RequestRates(redis, rate=20, burst=1)
    await rates.admit(ACME)
    with pytest.raises(RateExceeded) as raised:
        await rates.admit(ACME)
    assert raised.value.limit == "requests"
    assert 0 < raised.value.seconds <= 0.06

    async def let_in() -> bool:
        return await admitted(rates, 1) == 1

    await wait_until(let_in, "a token is there again")


async def test_most_requests_need_no_round_trip(redis: Redis) -> None:
    rates = RequestRates(redis, rate=1000, burst=2000)
    assert await admitted(rates, 1000) == 1000
    assert rates.round_trips <= 11  # a hundred tokens at a time


async def test_a_refused_tenant_costs_no_round_trips(redis: Redis) -> None:
    rates = RequestRates(redis, rate=0.001, burst=1)
    assert await admitted(rates, 500) == 1
    assert rates.round_trips == 2


async def test_requests_at_the_same_time_fetch_tokens_once(redis: Redis) -> None:
    rates = RequestRates(redis, rate=1000, burst=2000)
    await asyncio.gather(*(rates.admit(ACME) for _ in range(100)))
    assert rates.round_trips == 1


async def test_tokens_that_are_not_spent_are_lost(redis: Redis) -> None:
    times: Iterator[float] = iter([0.0] * 4 + [100.0] * 100)
    rates = RequestRates(redis, rate=100, burst=1000, clock=lambda: next(times))
    await rates.admit(ACME)
    await rates.admit(ACME)
    assert rates.round_trips == 2


async def test_as_many_streams_are_held_as_there_are_places(redis: Redis) -> None:
    here, there = StreamPlaces(redis, most=2), StreamPlaces(redis, most=2)
    async with here.place(ACME), there.place(ACME):
        for places in (here, there):
            with pytest.raises(RateExceeded) as raised:
                async with places.place(ACME):
                    pass
            assert raised.value.limit == "streams"
        async with here.place("globex"):
            pass
    async with here.place(ACME), here.place(ACME):
        pass


async def test_a_place_is_kept_while_the_stream_is_open(redis: Redis) -> None:
    places = StreamPlaces(redis, most=1, seconds=0.3)
    async with places.place(ACME):
        first = (await redis.zrange(streams_key(ACME), 0, -1, withscores=True))[0][1]

        async def later() -> bool:
            found = await redis.zrange(streams_key(ACME), 0, -1, withscores=True)
            return bool(found) and found[0][1] > first + 300

        await wait_until(later, "the place is held for longer")


async def test_the_place_of_a_process_that_is_gone_comes_free(redis: Redis) -> None:
    places = StreamPlaces(redis, most=1, seconds=0.2)
    assert await places._held(ACME, "somebody who is gone")

    async def free() -> bool:
        try:
            async with places.place(ACME):
                return True
        except RateExceeded:
            return False

    assert not await free()
    await wait_until(free, "the place is free")
