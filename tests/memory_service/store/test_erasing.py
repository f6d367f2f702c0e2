from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import replace

import pytest
from redis.asyncio import Redis

from memory_service.domain.changes import OwnerState
from memory_service.domain.errors import ExtractionFailed, RequestIdReused, RevisionTrimmed
from memory_service.domain.memory import MemoryType, NewMemory
from memory_service.domain.owner import Owner, SessionRef
from memory_service.domain.reconcile import reconcile
from memory_service.domain.requests import RequestKey
from memory_service.store import erasing
from memory_service.store.erasing import Eraser, Receipt
from memory_service.store.feed import ChangeFeed
from memory_service.store.keys import OwnerKeys, owner_path
from memory_service.store.leases import Leases
from memory_service.store.memories import Fence
from tests.support.extraction import NOW, World, dump, new_world, numbered, said
from tests.support.memories import ALICE, BOB
from tests.support.waiting import wait_until

KEYS = OwnerKeys(ALICE)
STRANGE = Owner.user("a*", "[b?]\\", "{c}:d")
ALIKE = (
    Owner.user("acme", "app", "alice2"),
    Owner.user("acme", "app", "alice:x"),
    Owner.session("acme", "app", "alice"),
    Owner.user("acme", "app2", "alice"),
)
REQUEST = RequestKey("EraseUser", "r1", "arguments")


@pytest.fixture
async def world(redis: Redis) -> World:
    return await new_world(redis)


async def fill(world: World, owner: Owner) -> None:
    """Leave something of every kind: extracted, waiting, failed, remembered, without a vector."""
    chat, other = SessionRef(owner, "chat"), SessionRef(owner, "other")
    request = RequestKey("AppendMessages", "r1", "arguments")
    await world.sessions.append(chat, said("one", "two"), now=NOW, request=request)
    await world.sessions.append(other, said("poison"), now=NOW)
    world.extractor.poison = {"poison"}
    for ref in (chat, other):
        await world.extraction().step(ref)
    await world.sessions.append(chat, said("three"), now=NOW)
    await create(world, "no vector", owner=owner)


async def create(world: World, text: str, *, owner: Owner = ALICE) -> bytes | Fence:
    known = await world.memories.known(owner, (), ())
    plan = reconcile(owner, [NewMemory(text, text, MemoryType.SEMANTIC)], known, NOW)
    return await world.memories.commit(owner, plan, base=known.state)


async def erase(world: World, owner: Owner = ALICE, request: RequestKey | None = None) -> Receipt:
    eraser = Eraser(world.redis)
    while [batch async for batch in eraser.round(owner)]:
        pass
    return await eraser.finish(owner, now=NOW, request=request)


async def named(redis: Redis, owner: Owner) -> list[str]:
    """Everything in the database that names the owner, in a key or in what is at a key."""
    path = owner_path(owner)
    return [
        key.decode()
        for key, value in (await dump(redis)).items()
        if f":{path}:" in f"{key.decode()}:"
        or f"'{path}'" in str(value)
        or f"{path}:" in str(value)
    ]


@pytest.mark.parametrize("owner", [ALICE, STRANGE], ids=["plain", "glob characters"])
async def test_nothing_is_left_but_counters(world: World, owner: Owner):
    await fill(world, owner)
    assert len(await named(world.redis, owner)) > 10
    receipt = await erase(world, owner)
    assert await named(world.redis, owner) == [OwnerKeys(owner).state]
    left = await world.redis.hgetall(OwnerKeys(owner).state)
    assert set(left) == {b"revision", b"floor", b"generation"}
    assert (receipt.memories, receipt.sessions, receipt.verified) == (6, 2, NOW)
    assert receipt.keys > 8


async def test_other_owners_keep_everything(world: World):
    await fill(world, ALICE)
    others = [*ALIKE, BOB, STRANGE]
    for owner in others:
        await fill(world, owner)
    before = await dump(world.redis)
    of_alice = set(await named(world.redis, ALICE))
    await erase(world)
    after = await dump(world.redis)
    shared = {KEYS.shared.deltas, KEYS.shared.dead, KEYS.shared.unembedded, KEYS.usage}
    for key, value in before.items():
        if key.decode() not in of_alice | shared:
            assert after[key] == value
    for owner in others:
        assert len(await world.texts(owner)) == 3


async def test_marks_without_a_key_are_found_too(world: World):
    await fill(world, ALICE)
    await world.redis.delete(KEYS.memory("no vector"), KEYS.sessions, KEYS.facts)
    await erase(world)
    assert await named(world.redis, ALICE) == [KEYS.state]


async def test_keys_of_any_kind_are_found_by_their_owner(world: World):
    head = f"{{{KEYS.shared.partition}}}:{owner_path(ALICE)}"
    others = {f"am:later:{head}2", f"am:later:{head}2:x"}
    for key in (KEYS.history("m"), f"am:later:{head}", f"am:later:{head}:a:b", *others):
        await world.redis.set(key, "x")
    assert (await erase(world)).keys == 3
    assert {key.decode() async for key in world.redis.scan_iter(match="am:later:*")} == others
    await world.redis.delete(*others)


async def test_a_lease_is_erased_and_its_holder_lives_on(world: World):
    async with Leases(world.redis, seconds=10).try_hold(SessionRef(ALICE, "chat")) as held:
        assert held
        assert (await erase(world)).keys == 1


async def test_more_than_a_batch_is_erased_in_batches(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(erasing, "BATCH", 7)
    await world.sessions.append(SessionRef(ALICE, "chat"), numbered(40), now=NOW)
    await world.extraction().step(SessionRef(ALICE, "chat"))
    for n in range(10):
        await world.sessions.append(SessionRef(ALICE, f"s{n}"), said("x"), now=NOW)
    receipt = await erase(world)
    assert (receipt.memories, receipt.sessions) == (64, 11)
    assert await named(world.redis, ALICE) == [KEYS.state]


async def test_an_erasure_that_broke_off_is_finished_by_the_next(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    await fill(world, ALICE)
    monkeypatch.setattr(erasing, "BATCH", 3)
    eraser = Eraser(world.redis)
    async with aclosing(eraser.round(ALICE)) as batches:
        await anext(batches)
    assert len(await named(world.redis, ALICE)) > 1
    receipt = await erase(world)
    assert (receipt.memories, receipt.sessions) == (6, 2)
    assert await named(world.redis, ALICE) == [KEYS.state]


async def test_a_second_erasure_has_nothing_to_count_and_changes_nothing(world: World):
    await fill(world, ALICE)
    await erase(world)
    before = await dump(world.redis)
    assert await erase(world) == Receipt(0, 0, 0, NOW)
    assert await dump(world.redis) == before
    assert await erase(world, BOB) == Receipt(0, 0, 0, NOW)
    assert await dump(world.redis) == before


async def test_a_plan_made_before_is_not_written_after(world: World):
    await fill(world, ALICE)
    known = await world.memories.known(ALICE, (), ())
    plan = reconcile(ALICE, [NewMemory("x", "x", MemoryType.SEMANTIC)], known, NOW)
    await erase(world)
    assert await world.memories.commit(ALICE, plan, base=known.state) is Fence.REVISION
    assert await world.stored() == []


async def test_revisions_and_generations_go_on_where_they_were(world: World):
    await fill(world, ALICE)
    revision = (await world.memories.state(ALICE)).revision
    generation = (await world.sessions.get(SessionRef(ALICE, "other"))).generation
    await erase(world)
    state = await world.memories.state(ALICE)
    assert state == OwnerState(state.revision, 0)
    assert state.revision > revision
    assert await create(world, "after") == b""
    await world.sessions.append(SessionRef(ALICE, "chat"), said("again"), now=NOW)
    assert (await world.sessions.get(SessionRef(ALICE, "chat"))).generation > generation


async def test_no_feed_goes_on_across_an_erasure(world: World):
    await fill(world, ALICE)
    feed = ChangeFeed(world.redis)
    before = (await world.memories.state(ALICE)).revision
    await erase(world)
    floor = (await world.memories.state(ALICE)).revision
    await create(world, "after")
    for trimmed in (0, before, floor - 1):
        with pytest.raises(RevisionTrimmed):
            await feed.read(ALICE, trimmed, limit=9)
    (entry,) = (await feed.read(ALICE, floor, limit=9)).entries
    assert (entry.revision, entry.memory_id) == (floor + 1, "after")


async def test_a_repeat_gets_the_first_receipt_and_erases_nothing(world: World):
    await fill(world, ALICE)
    first = await erase(world, request=REQUEST)
    await create(world, "after")
    eraser = Eraser(world.redis)
    assert await eraser.receipt(ALICE, REQUEST) == first
    assert await eraser.finish(ALICE, now=NOW + 1, request=REQUEST) == first
    assert await world.texts() == ["after"]
    with pytest.raises(RequestIdReused):
        await eraser.receipt(ALICE, replace(REQUEST, arguments="other"))
    with pytest.raises(RequestIdReused):
        await eraser.finish(ALICE, now=NOW, request=replace(REQUEST, arguments="other"))


async def test_receipts_outlive_the_next_erasure(world: World):
    await fill(world, ALICE)
    first = await erase(world, request=REQUEST)
    await create(world, "after")
    await erase(world, request=replace(REQUEST, id="r2"))
    assert await Eraser(world.redis).receipt(ALICE, REQUEST) == first


async def test_an_extraction_under_way_writes_nothing_after(world: World):
    chat = SessionRef(ALICE, "chat")
    await world.sessions.append(chat, said("secret"), now=NOW)
    world.extractor.open.clear()
    step = asyncio.create_task(world.extraction().step(chat))
    await wait_until(lambda: bool(world.extractor.asked), "the extraction is under way")
    await erase(world)
    world.extractor.open.set()
    progress = await step
    assert not progress.committed
    assert await named(world.redis, ALICE) == [KEYS.state]
    # The same session, made again, is another: what was found for the old one is not for it.
    await world.sessions.append(chat, said("new"), now=NOW)
    await world.extraction().step(chat)
    assert await world.texts() == ["new"]


async def test_a_failing_extraction_under_way_leaves_no_dead_letter(world: World):
    chat = SessionRef(ALICE, "chat")
    await world.sessions.append(chat, said("poison"), now=NOW)
    world.extractor.poison = {"poison"}
    world.extractor.open.clear()
    step = asyncio.create_task(world.extraction().step(chat))
    await wait_until(lambda: bool(world.extractor.asked), "the extraction is under way")
    await erase(world)
    world.extractor.open.set()
    with_error = await asyncio.gather(step, return_exceptions=True)
    assert not any(isinstance(each, ExtractionFailed) for each in with_error)
    assert await named(world.redis, ALICE) == [KEYS.state]
