from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from prometheus_client import CollectorRegistry
from redis.asyncio import Redis

from memory_service import pump as pump_module
from memory_service.domain.errors import ExtractorTooSlow, StoreUnavailable
from memory_service.domain.owner import Owner, SessionRef
from memory_service.extraction_metrics import ExtractionMetrics
from memory_service.pump import Pump, PumpTiming
from memory_service.store import schema
from memory_service.store.keys import OwnerKeys
from memory_service.store.leases import Leases
from tests.support.extraction import CHAT, NOW, FakeExtractor, World, new_world, numbered
from tests.support.memories import ALICE
from tests.support.redis import DIMENSION
from tests.support.summaries import summarizing
from tests.support.waiting import wait_until

FAST = PumpTiming(quiet=0.02, longest=0.1, claim_idle=30)
CLAIMING = PumpTiming(quiet=0.02, longest=0.1, claim_idle=0.2)


@pytest.fixture
async def world(redis: Redis) -> World:
    return await new_world(redis)


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pump_module, "READ_BLOCK_MS", 50)
    monkeypatch.setattr(pump_module, "LEASE_POLL_SECONDS", 0.02)
    monkeypatch.setattr(pump_module, "FIRST_RETRY_SECONDS", 0.01)
    monkeypatch.setattr(pump_module, "LAST_RETRY_SECONDS", 0.05)
    monkeypatch.setattr(pump_module, "STORE_RETRY_SECONDS", 0.05)


def pump_of(
    world: World,
    timing: PumpTiming = FAST,
    *,
    extractor: FakeExtractor | None = None,
    delta_messages: int = 32,
    parallel: int = 8,
    waiting: int = 64,
    metrics: ExtractionMetrics | None = None,
) -> Pump:
    return Pump(
        world.queue,
        world.extraction(extractor, delta_messages=delta_messages, metrics=metrics),
        summarizing(world),
        Leases(world.redis, seconds=10),
        timing,
        parallel_sessions=parallel,
        waiting_sessions=waiting,
        metrics=metrics,
    )


@asynccontextmanager
async def running(*pumps: Pump) -> AsyncIterator[None]:
    """Run pumps, and check that each leaves no task behind when it is cancelled."""
    before = asyncio.all_tasks()
    tasks = [asyncio.create_task(pump.run()) for pump in pumps]
    try:
        yield
        assert not any(task.done() for task in tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    assert asyncio.all_tasks() == before


def texts_are(world: World, *texts: str, owner: Owner = ALICE) -> Callable[[], Awaitable[bool]]:
    async def holds() -> bool:
        return sorted(await world.texts(owner)) == sorted(texts)

    return holds


async def settled(world: World) -> None:
    """Wait until every notice is dealt with."""

    async def nothing_waits() -> bool:
        return await world.waiting() == 0

    await wait_until(nothing_waits, "no notice waits")
    assert await world.pending() == 0


def facts(count: int) -> list[str]:
    return [f"fact {n}" for n in range(1, count + 1)]


async def test_what_is_appended_is_extracted_by_itself(world: World):
    async with running(pump_of(world)):
        await world.append("one", "two")
        await wait_until(texts_are(world, "one", "two"), "both are extracted")
        await settled(world)
        await world.append("three")
        await wait_until(texts_are(world, "one", "two", "three"), "the third too")
        await settled(world)


async def test_what_was_appended_before_the_pump_started_is_extracted(world: World):
    await world.sessions.append(CHAT, numbered(10), now=NOW)
    async with running(pump_of(world, delta_messages=3)):
        await wait_until(texts_are(world, *facts(10)), "all are extracted")
        await settled(world)
    assert world.extractor.asked == [[1, 2, 3], [4, 5, 6], [7, 8, 9], [10]]


async def test_a_session_is_left_alone_until_it_is_quiet(world: World):
    timing = PumpTiming(quiet=0.3, longest=20, claim_idle=30)
    async with running(pump_of(world, timing)):
        for text in facts(5):
            await world.append(text)
        await wait_until(texts_are(world, *facts(5)), "all are extracted")
    assert world.extractor.asked == [[1, 2, 3, 4, 5]]


async def test_a_session_that_is_never_quiet_is_extracted_all_the_same(world: World):
    timing = PumpTiming(quiet=10, longest=0.2, claim_idle=30)
    async with running(pump_of(world, timing)):
        await world.append("one")
        await wait_until(texts_are(world, "one"), "it is extracted though it was not quiet")
        await world.append("two")
        await wait_until(texts_are(world, "one", "two"), "and again")


async def test_notices_are_acknowledged_only_by_the_commit(world: World):
    world.extractor.open.clear()
    async with running(pump_of(world)):
        await world.append("one")
        await wait_until(lambda: bool(world.extractor.asked), "the session is being extracted")
        assert (await world.waiting(), await world.pending()) == (1, 1)
        world.extractor.open.set()
        await settled(world)
        assert await world.texts() == ["one"]


async def test_notices_of_deleted_sessions_are_dropped(world: World):
    await world.append("gone")
    await world.sessions.delete(CHAT)
    async with running(pump_of(world)):
        await settled(world)
    assert world.extractor.asked == []
    assert await world.texts() == []


async def test_notices_that_somebody_else_made_good_are_dropped(world: World):
    await world.append("one")
    await world.extraction().step(CHAT)
    async with running(pump_of(world)):
        await settled(world)
    assert world.extractor.asked == [[1]]


async def test_an_extractor_that_was_down_loses_nothing(world: World):
    world.extractor.down = True
    other = SessionRef(Owner.user("acme", "app", "carol"), "s")
    pump = pump_of(world)
    async with running(pump):
        await world.append("one")
        await world.append("two", ref=other)
        await wait_until(
            lambda: all(b.retry_seconds > 0.02 for b in pump._backlogs.values()),
            "each has been tried more than once",
        )
        assert await world.waiting() == 2
        world.extractor.down = False
        await wait_until(texts_are(world, "one"), "one is extracted")
        await wait_until(texts_are(world, "two", owner=other.owner), "two is extracted")
        await settled(world)
    session = await world.sessions.get(CHAT)
    assert session.failed_ranges == ()


async def test_what_takes_the_extractor_too_long_is_tried_in_smaller_deltas(world: World):
    class Slow(FakeExtractor):
        async def extract(self, ref, context, new, strategy, known=()):
            if len(new) > 4:
                self.asked.append([message.sequence for message in new])
                raise ExtractorTooSlow(len(new))
            return await super().extract(ref, context, new, strategy)

    slow = Slow()
    await world.sessions.append(CHAT, numbered(20), now=NOW)
    async with running(pump_of(world, extractor=slow)):
        await wait_until(texts_are(world, *facts(20)), "all are extracted")
        await settled(world)
    assert [len(asked) for asked in slow.asked][:6] == [20, 10, 5, 2, 4, 8]
    assert (await world.sessions.get(CHAT)).failed_ranges == ()


async def test_an_extractor_that_is_too_slow_for_one_message_is_asked_for_it_again(world: World):
    class Slow(FakeExtractor):
        async def extract(self, ref, context, new, strategy, known=()):
            found = await super().extract(ref, context, new, strategy)
            if len(self.asked) < 4:
                raise ExtractorTooSlow(len(new))
            return found

    slow = Slow()
    await world.append("one", "two")
    async with running(pump_of(world, extractor=slow)):
        await settled(world)
    assert slow.asked == [[1, 2], [1], [1], [1], [2]]


async def test_a_session_that_somebody_else_holds_is_waited_for(world: World):
    async with running(pump_of(world)):
        async with Leases(world.redis, seconds=10).try_hold(CHAT):
            await world.append("one")
            other = SessionRef(ALICE, "other")
            await world.append("two", ref=other)
            await wait_until(texts_are(world, "two"), "the other session is extracted")
            assert world.extractor.asked == [[1]]
        await wait_until(texts_are(world, "one", "two"), "then this one")
        await settled(world)


async def test_two_pumps_extract_everything_once(world: World):
    refs = [SessionRef(Owner.user("acme", "app", f"user {n}"), "s") for n in range(20)]
    first, second = FakeExtractor(), FakeExtractor()
    pumps = [pump_of(world, extractor=first), pump_of(world, extractor=second)]
    async with running(*pumps):
        for _ in range(3):
            for ref in refs:
                await world.append(f"a {await world.waiting()}", ref=ref)
        await settled(world)
    for ref in refs:
        assert (await world.sessions.get(ref)).pending == 0
        assert len({s for m in await world.stored(ref.owner) for s in m.sources}) == 3
    assert len(first.answered) + len(second.answered) == 60


async def test_notices_of_a_process_that_died_are_taken_over(world: World):
    await world.append("one")
    assert len(await world.queue.read(count=9, block_ms=10)) == 1  # and then it died
    async with running(pump_of(world, CLAIMING)):
        await wait_until(texts_are(world, "one"), "the notice is taken over")
        await settled(world)


async def test_a_long_backlog_of_a_process_that_died_is_taken_over_in_one_go(world: World):
    """Round by round it would take as many times `claim_idle` as there are rounds."""
    for text in facts(100):
        await world.append(text)
    notices = await world.queue.read(count=200, block_ms=10)
    ids = [notice.id for notice in notices]
    assert len(ids) == 100
    await world.redis.xclaim(STREAM, "pump", "pump", 0, ids, idle=60_000)
    async with running(pump_of(world, FAST)):
        await settled(world)
    assert await world.texts() == facts(100)


STREAM = OwnerKeys(ALICE).shared.deltas


async def test_groups_that_were_lost_are_made_again(world: World):
    async with running(pump_of(world, CLAIMING)):
        await world.append("one")
        await wait_until(texts_are(world, "one"), "it works")
        await world.redis.flushall()
        await schema.ensure(world.redis, dimension=DIMENSION)
        await world.append("two")
        await wait_until(texts_are(world, "two"), "it works again")
        await settled(world)


async def test_trouble_with_redis_is_waited_out(world: World, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.WARNING)
    real = world.queue.read
    failures = 2

    async def read(**options: int) -> list:
        nonlocal failures
        if failures:
            failures -= 1
            raise StoreUnavailable("Redis cannot be reached")
        return await real(**options)

    world.queue.read = read
    async with running(pump_of(world)):
        await world.append("one")
        await wait_until(texts_are(world, "one"), "it is extracted all the same")
    assert [r.getMessage() for r in caplog.records if "queue" in r.getMessage()] == [
        "the queue cannot be read: Redis cannot be reached"
    ] * 2


async def test_no_more_sessions_are_taken_than_may_wait(world: World):
    world.extractor.open.clear()
    refs = [SessionRef(ALICE, f"s{n}") for n in range(6)]
    async with running(pump_of(world, parallel=1, waiting=1)):
        await world.append("first", ref=refs[0])
        await wait_until(lambda: bool(world.extractor.asked), "the first is being extracted")
        for n, ref in enumerate(refs[1:]):
            await world.append(f"later {n}", ref=ref)
        world.extractor.open.set()
        await settled(world)
    assert len(await world.texts()) == 6


async def test_no_more_notices_are_taken_than_may_wait(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(pump_module, "MOST_NOTICES", 8)
    monkeypatch.setattr(pump_module, "READ_COUNT", 2)
    monkeypatch.setattr(pump_module, "FULL_POLL_SECONDS", 0.01)
    refs = [SessionRef(ALICE, f"s{n}") for n in range(4)]
    for text in facts(10):
        for ref in refs:
            await world.append(f"{text} of {ref.session_id}", ref=ref)
    world.extractor.open.clear()
    pump = pump_of(world, CLAIMING)
    seen: list[int] = []
    for name in ("read", "claim"):
        watch(world, monkeypatch, name, lambda: seen.append(in_hand(pump)))
    async with running(pump):
        await wait_until(lambda: in_hand(pump) >= 8, "it has enough in hand")
        world.extractor.open.set()
        await settled(world)
    assert max(seen) < 8
    assert len(await world.texts()) == 40


def in_hand(pump: Pump) -> int:
    return sum(len(backlog.notices) for backlog in pump._backlogs.values())


def watch(
    world: World, monkeypatch: pytest.MonkeyPatch, name: str, before: Callable[[], None]
) -> None:
    """Have `before` called whenever the queue is asked for more."""
    real = getattr(world.queue, name)

    async def asked(**options: int) -> list:
        before()
        return await real(**options)

    monkeypatch.setattr(world.queue, name, asked)


async def test_a_session_with_many_notices_leaves_room_and_is_extracted_to_its_end(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(pump_module, "MOST_OF_SESSION", 4)
    world.extractor.open.clear()
    pump = pump_of(world)
    async with running(pump):
        for number, text in enumerate(facts(20)):
            await world.append(text)
            if number == 4:
                await wait_until(lambda: bool(world.extractor.asked), "it is being extracted")

        async def all_read() -> bool:
            return await world.pending() == 20

        await wait_until(all_read, "all notices are read")
        assert in_hand(pump) <= 4
        world.extractor.open.set()
        await wait_until(texts_are(world, *facts(20)), "all is extracted at once")
    async with running(pump_of(world, CLAIMING)):
        await settled(world)


async def test_as_many_sessions_are_extracted_at_once_as_allowed(world: World):
    world.extractor.open.clear()
    async with running(pump_of(world, parallel=2)):
        for n in range(4):
            await world.append("x", ref=SessionRef(ALICE, f"s{n}"))
        await wait_until(lambda: len(world.extractor.asked) == 2, "two are being extracted")
        last = SessionRef(ALICE, "last")
        await world.append("x", ref=last)
        assert len(world.extractor.asked) == 2
        world.extractor.open.set()
        await settled(world)
    assert len(world.extractor.asked) == 5


async def test_a_poisonous_session_does_not_hold_up_others(world: World):
    world.extractor.poison = {"bad"}
    other = SessionRef(ALICE, "other")
    async with running(pump_of(world)):
        await world.append("bad", "good")
        await world.append("fine", ref=other)
        await wait_until(texts_are(world, "good", "fine"), "all the rest is extracted")
        await settled(world)
    assert [(r.first, r.last) for r in (await world.sessions.get(CHAT)).failed_ranges] == [(1, 1)]


async def test_a_defect_in_one_session_is_logged_and_the_pump_goes_on(
    world: World, caplog: pytest.LogCaptureFixture
):
    class Broken(FakeExtractor):
        async def extract(self, ref, context, new, strategy, known=()):
            if ref == CHAT:
                raise ZeroDivisionError
            return await super().extract(ref, context, new, strategy)

    other = SessionRef(ALICE, "other")
    async with running(pump_of(world, extractor=Broken())):
        await world.append("one")
        await wait_until(lambda: "extraction failed" in caplog.text, "the defect is told")
        await world.append("two", ref=other)
        await wait_until(texts_are(world, "two"), "the other session is extracted")
    assert await world.pending() == 1


async def test_cancelled_in_the_middle_it_lets_go_of_the_session(world: World):
    world.extractor.open.clear()
    async with running(pump_of(world)):
        await world.append("one")
        await wait_until(lambda: bool(world.extractor.asked), "the session is being extracted")
    assert not await world.redis.exists(OwnerKeys(ALICE).lease("chat"))
    assert await world.pending() == 1
    world.extractor.open.set()
    async with running(pump_of(world, CLAIMING)):
        await wait_until(texts_are(world, "one"), "the next process extracts it")


def test_work_is_not_claimed_from_those_who_only_wait():
    with pytest.raises(ValueError, match="claim_idle must exceed longest"):
        PumpTiming(quiet=1, longest=5, claim_idle=5)


async def test_what_becomes_of_messages_is_counted_and_timed(world: World):
    registry = CollectorRegistry()
    world.clock.time = time.time_ns() // 1000
    world.extractor.poison = {"poison"}
    async with running(pump_of(world, metrics=ExtractionMetrics(registry))):
        await world.append("one")
        await world.append("poison", ref=SessionRef(ALICE, "other"))
        await settled(world)
    value = registry.get_sample_value
    assert value("memory_extracted_messages_total") == 2
    assert value("memory_given_up_messages_total") == 1
    assert value("memory_searchable_lag_seconds_count") == 2
    assert 0 <= value("memory_searchable_lag_seconds_sum") < 60
    assert value("memory_extraction_steps_total", {"outcome": "committed"}) == 2


async def test_an_extractor_that_is_away_is_counted_and_no_message_is_given_up(world: World):
    registry = CollectorRegistry()
    world.extractor.down = True

    def tried() -> bool:
        outcome = {"outcome": "unavailable"}
        return (registry.get_sample_value("memory_extraction_steps_total", outcome) or 0) > 1

    async with running(pump_of(world, metrics=ExtractionMetrics(registry))):
        await world.append("one")
        await wait_until(tried, "it is tried again")
    assert registry.get_sample_value("memory_given_up_messages_total") == 0
    assert registry.get_sample_value("memory_extracted_messages_total") == 0
