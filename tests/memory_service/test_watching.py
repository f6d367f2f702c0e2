from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest
from redis.asyncio import Redis

from memory_service import revision_signal, watching
from memory_service.cancellation import check_cancelled
from memory_service.domain.changes import ChangeKind
from memory_service.domain.errors import RevisionTrimmed
from memory_service.domain.memory import FACTS, MemoryType, NewMemory, fact_digest
from memory_service.domain.owner import Owner
from memory_service.domain.reconcile import reconcile
from memory_service.revision_signal import RevisionSignal
from memory_service.revisions import Revisions
from memory_service.store.erasing import Eraser
from memory_service.store.feed import ChangeFeed
from memory_service.store.keys import OwnerKeys
from memory_service.watching import Told, Watching
from tests.support.extraction import NOW, World, new_world
from tests.support.memories import ALICE, BOB
from tests.support.waiting import wait_until

LONG = 60.0


@pytest.fixture
async def world(redis: Redis) -> World:
    return await new_world(redis)


@pytest.fixture
async def signal(world: World, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[RevisionSignal]:
    monkeypatch.setattr(revision_signal, "POLL_SECONDS", 0.01)
    signal = RevisionSignal(ChangeFeed(world.redis))
    running = asyncio.create_task(signal.run())
    yield signal
    running.cancel()
    await asyncio.wait([running])


def watching_of(world: World, signal: RevisionSignal, *, checkpoints: float = LONG) -> Watching:
    return Watching(
        ChangeFeed(world.redis),
        world.memories,
        Revisions(world.memories),
        signal,
        checkpoint_seconds=checkpoints,
    )


async def create(
    world: World,
    *texts: str,
    owner: Owner = ALICE,
    type_: MemoryType = MemoryType.SEMANTIC,
) -> None:
    new = [NewMemory(text, text, type_) for text in texts]
    known = await world.memories.known(owner, [fact_digest(memory) for memory in new], texts)
    plan = reconcile(owner, new, known, NOW)
    assert await world.memories.commit(owner, plan, base=known.state) == b""


async def take(told: AsyncIterator[Told], count: int) -> list[Told]:
    async with asyncio.timeout(10):
        return [await anext(told) for _ in range(count)]


def texts_of(told: list[Told]) -> list[tuple[int, str]]:
    return [(each.revision, each.memory.text) for each in told if each.memory]


async def test_a_watch_says_where_it_begins_and_tells_what_comes(
    world: World, signal: RevisionSignal
):
    await create(world, "before")
    async with aclosing(watching_of(world, signal).watch(ALICE, None, FACTS)) as told:
        assert await take(told, 1) == [Told(1)]
        await create(world, "a", "b")
        await create(world, "not hers", owner=BOB)
        await create(world, "c")
        found = await take(told, 3)
    assert texts_of(found) == [(2, "a"), (3, "b"), (4, "c")]
    assert {each.change.kind for each in found if each.change} == {ChangeKind.CREATED}


async def test_a_watch_goes_on_after_any_revision(
    world: World, signal: RevisionSignal, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(watching, "BATCH", 2)
    await create(world, *(f"m{n}" for n in range(1, 8)))
    for after in range(8):
        async with aclosing(watching_of(world, signal).watch(ALICE, after, FACTS)) as told:
            found = await take(told, 8 - after)
            assert found[0] == Told(after)
            assert texts_of(found) == [(n, f"m{n}") for n in range(after + 1, 8)]


async def test_other_types_are_left_out_and_checkpoints_count_them(
    world: World, signal: RevisionSignal
):
    service = watching_of(world, signal, checkpoints=0.05)
    await create(world, "ok", type_=MemoryType.MESSAGE)
    async with aclosing(service.watch(ALICE, 0, FACTS)) as told:
        assert await take(told, 2) == [Told(0), Told(1)]
    async with aclosing(service.watch(ALICE, 0, [MemoryType.MESSAGE])) as told:
        assert texts_of(await take(told, 2)) == [(1, "ok")]


async def test_checkpoints_keep_a_silent_watch_alive(world: World, signal: RevisionSignal):
    service = watching_of(world, signal, checkpoints=0.01)
    async with aclosing(service.watch(ALICE, None, FACTS)) as told:
        assert await take(told, 5) == [Told(0)] * 5


async def test_checkpoints_come_too_while_nothing_but_other_types_changes(
    world: World, signal: RevisionSignal
):
    service = watching_of(world, signal, checkpoints=0.05)

    async def chatter() -> None:
        for n in range(10_000):
            check_cancelled()
            await create(world, f"ok {n}", type_=MemoryType.MESSAGE)

    chatting = asyncio.create_task(chatter())
    async with aclosing(service.watch(ALICE, None, FACTS)) as told:
        found = await take(told, 4)
    chatting.cancel()
    await asyncio.wait([chatting])
    assert [each.change for each in found] == [None] * 4
    assert found[-1].revision > found[0].revision


async def test_who_has_left_is_not_waited_for(world: World, signal: RevisionSignal):
    async with aclosing(watching_of(world, signal).watch(ALICE, None, FACTS)) as told:
        await take(told, 1)
        waiting = asyncio.create_task(take(told, 1))
        await wait_until(lambda: bool(signal._waiters), "the watch waits")
        waiting.cancel()
        await asyncio.wait([waiting])
    assert signal._waiters == set()


async def test_a_memory_that_is_gone_is_told_of_without_itself(
    world: World, signal: RevisionSignal
):
    await create(world, "a")
    await world.redis.delete(OwnerKeys(ALICE).memory("a"))
    async with aclosing(watching_of(world, signal).watch(ALICE, 0, FACTS)) as told:
        _, found = await take(told, 2)
    assert (found.change.memory_id, found.memory) == ("a", None)


async def test_closing_ends_every_watch_with_a_checkpoint(world: World, signal: RevisionSignal):
    service = watching_of(world, signal)

    async def watch() -> list[Told]:
        return [told async for told in service.watch(ALICE, 0, FACTS)]

    await create(world, "a")
    watches = [asyncio.create_task(watch()) for _ in range(3)]
    await wait_until(lambda: len(signal._waiters) == 3, "all wait")
    await service.close()
    async with asyncio.timeout(10):
        for told in await asyncio.gather(*watches):
            assert [(each.revision, each.change is None) for each in told] == [
                (0, True),
                (1, False),
                (1, True),
            ]


async def test_a_watcher_who_does_not_read_holds_nobody_up(world: World, signal: RevisionSignal):
    service = watching_of(world, signal)
    async with (
        aclosing(service.watch(ALICE, 0, FACTS)) as slow,
        aclosing(service.watch(ALICE, 0, FACTS)) as quick,
    ):
        await take(slow, 1)
        for n in range(100):
            await create(world, f"m{n}")
        assert len(texts_of(await take(quick, 101))) == 100
        assert len(texts_of(await take(slow, 100))) == 100


async def test_a_watcher_who_has_fallen_behind_what_is_kept_is_told(
    world: World, signal: RevisionSignal, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(watching, "BATCH", 2)
    async with aclosing(watching_of(world, signal).watch(ALICE, 0, FACTS)) as told:
        await take(told, 1)
        await create(world, *(f"m{n}" for n in range(1, 11)))
        await world.redis.xtrim(OwnerKeys(ALICE).changes, maxlen=3, approximate=False)
        with pytest.raises(RevisionTrimmed):
            await take(told, 9)


async def test_an_erasure_ends_the_watches_of_its_user_and_no_others(
    world: World, signal: RevisionSignal
):
    service = watching_of(world, signal)
    async with (
        aclosing(service.watch(ALICE, None, FACTS)) as hers,
        aclosing(service.watch(BOB, None, FACTS)) as his,
    ):
        await take(hers, 1)
        await create(world, "a")
        assert texts_of(await take(hers, 1)) == [(1, "a")]
        waiting = asyncio.create_task(take(hers, 9))
        assert await take(his, 1) == [Told(0)]
        eraser = Eraser(world.redis)
        assert [batch async for batch in eraser.round(ALICE)]
        with pytest.raises(RevisionTrimmed):
            await waiting
        await create(world, "b", owner=BOB)
        assert texts_of(await take(his, 1)) == [(1, "b")]
