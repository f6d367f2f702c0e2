from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest

from memory_service import revision_signal
from memory_service.domain.errors import StoreUnavailable
from memory_service.domain.owner import Owner
from memory_service.revision_signal import RevisionSignal
from memory_service.store.feed import ChangeFeed
from tests.support.memories import ALICE, BOB
from tests.support.waiting import wait_until

LONG = 60.0


class FakeFeed(ChangeFeed):
    """Revisions without a Redis."""

    def __init__(self) -> None:
        self.now = {ALICE: 1, BOB: 1}
        self.asked: list[list[Owner]] = []
        self.down = False
        self.defects = 0

    async def revisions(self, owners: Sequence[Owner]) -> list[int]:
        self.asked.append(list(owners))
        if self.down:
            raise ConnectionError("refused by 10.0.0.1")
        if self.defects:
            self.defects -= 1
            raise ZeroDivisionError
        return [self.now[owner] for owner in owners]


@pytest.fixture
def feed() -> FakeFeed:
    return FakeFeed()


@pytest.fixture
async def signal(feed: FakeFeed, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[RevisionSignal]:
    monkeypatch.setattr(revision_signal, "POLL_SECONDS", 0.01)
    signal = RevisionSignal(feed)
    running = asyncio.create_task(signal.run())
    yield signal
    assert not running.done()
    running.cancel()
    await asyncio.wait([running])


async def test_who_waits_is_told_of_a_new_revision_and_others_wait_on(
    signal: RevisionSignal, feed: FakeFeed
):
    alice = asyncio.create_task(signal.moved(ALICE, 1, seconds=LONG))
    bob = asyncio.create_task(signal.moved(BOB, 1, seconds=LONG))
    await wait_until(lambda: [ALICE, BOB] in map(sorted_owners, feed.asked), "both are asked for")
    feed.now[ALICE] = 2
    assert await alice
    assert not bob.done()
    feed.now[BOB] = 5
    assert await bob


def sorted_owners(owners: list[Owner]) -> list[Owner]:
    return sorted(owners, key=lambda owner: owner.id)


async def test_one_question_serves_all_who_wait_for_the_same_owner(
    signal: RevisionSignal, feed: FakeFeed
):
    tasks = [asyncio.create_task(signal.moved(ALICE, 1, seconds=LONG)) for _ in range(50)]
    await wait_until(lambda: bool(feed.asked), "somebody asks")
    feed.now[ALICE] = 2
    assert all(await asyncio.gather(*tasks))
    assert set(map(tuple, feed.asked)) == {(ALICE,)}


async def test_who_has_waited_long_enough_is_let_go(signal: RevisionSignal):
    assert not await signal.moved(ALICE, 1, seconds=0.05)
    assert not await signal.moved(ALICE, 1, seconds=-1)


async def test_nothing_is_asked_while_nobody_waits(signal: RevisionSignal, feed: FakeFeed):
    assert not await signal.moved(ALICE, 1, seconds=0.05)
    waiting = asyncio.create_task(signal.moved(BOB, 1, seconds=LONG))
    await wait_until(lambda: [BOB] in feed.asked, "Bob is asked for")
    waiting.cancel()
    await asyncio.wait([waiting])
    asked = feed.asked.count([BOB])
    assert not await signal.moved(ALICE, 1, seconds=0.1)
    assert feed.asked.count([BOB]) <= asked + 1
    assert [ALICE] in feed.asked


async def test_trouble_with_the_store_is_told_to_all_who_wait_and_passes(
    signal: RevisionSignal, feed: FakeFeed
):
    feed.down = True
    waiting = [asyncio.create_task(signal.moved(o, 1, seconds=LONG)) for o in (ALICE, BOB)]
    for error in await asyncio.gather(*waiting, return_exceptions=True):
        assert isinstance(error, StoreUnavailable)
        assert "10.0.0.1" not in str(error)
    feed.down = False
    feed.now[ALICE] = 2
    assert await signal.moved(ALICE, 1, seconds=LONG)


async def test_a_defect_in_a_round_leaves_those_who_wait_to_the_next(
    signal: RevisionSignal, feed: FakeFeed
):
    feed.defects, feed.now[ALICE] = 2, 2
    assert await signal.moved(ALICE, 1, seconds=5)


async def test_closing_lets_everybody_go_for_good(signal: RevisionSignal, feed: FakeFeed):
    waiting = asyncio.create_task(signal.moved(ALICE, 1, seconds=LONG))
    await wait_until(lambda: bool(feed.asked), "somebody asks")
    signal.close()
    assert not await waiting
    assert not await signal.moved(ALICE, 0, seconds=LONG)
