"""What owners and tenants have is counted by the scripts, and limits are kept by them."""

from __future__ import annotations

import random

import pytest
from redis.asyncio import Redis

from memory_service.domain.deleting import delete
from memory_service.domain.errors import QuotaExceeded, SessionNotFound
from memory_service.domain.limits import Quota
from memory_service.domain.memory import MemoryType, NewMemory
from memory_service.domain.owner import Owner, SessionRef
from memory_service.domain.reconcile import reconcile
from memory_service.domain.requests import RequestKey
from memory_service.domain.session import Notes, Session, Summary
from memory_service.domain.session_options import DEFAULTS
from memory_service.domain.transfer import SessionHead
from memory_service.store.accounts import tenant_usage
from memory_service.store.erasing import Eraser
from memory_service.store.keys import OwnerKeys
from memory_service.store.memories import Fence, MemoryStore
from memory_service.store.scripts import Scripts
from memory_service.store.session_changes import SessionChanges
from memory_service.store.session_imports import SessionImports, SessionRun
from memory_service.store.sessions import SessionStore
from tests.support.extraction import NOW, World, dump, new_world, numbered, said
from tests.support.memories import ALICE, BOB

CHAT = SessionRef(ALICE, "chat")
CAROL = Owner.user("globex", "app", "carol")
NAMES = ("memories", "bytes", "sessions")


@pytest.fixture
async def world(redis: Redis) -> World:
    return await new_world(redis)


async def create(
    world: World, *texts: str, owner: Owner = ALICE, store: MemoryStore | None = None
) -> bytes | Fence:
    new = [NewMemory("", text, MemoryType.SEMANTIC) for text in texts]
    memories = store or world.memories
    known = await memories.known(owner, (), ())
    return await memories.commit(owner, reconcile(owner, new, known, NOW), base=known.state)


async def counted(redis: Redis, owner: Owner) -> Quota:
    values = await redis.hmget(OwnerKeys(owner).state, NAMES)
    return Quota(*(int(value or 0) for value in values))


async def looked_at(redis: Redis, owner: Owner) -> Quota:
    """Count what is really there."""
    keys = OwnerKeys(owner)
    memories = bytes_ = sessions = 0
    async for raw in redis.scan_iter(count=1000):
        key = raw.decode()
        if not keys.owns(key):
            continue
        match key.split(":")[1]:
            case "mem":
                memories += 1
                bytes_ += await redis.hstrlen(key, "body")
            case "wm":
                sessions += 1
            case "log":
                for _, fields in await redis.xrange(key):
                    bytes_ += len(fields[b"message"])
    return Quota(memories, bytes_, sessions)


async def test_the_numbers_are_what_is_there_whatever_is_done(world: World) -> None:
    chance = random.Random(7)
    changes = SessionChanges(world.redis)
    for _ in range(120):
        owner = chance.choice((ALICE, BOB, CAROL))
        ref = SessionRef(owner, f"chat {chance.randrange(3)}")
        match chance.randrange(8):
            case 0 | 1:
                await world.sessions.append(ref, numbered(chance.randrange(1, 4)), now=NOW)
            case 2:
                await create(
                    world, *(f"Füße {chance.randrange(9)} 足" for _ in range(3)), owner=owner
                )
            case 3:
                while (step := await world.extraction().step(ref)) and step.committed:
                    pass
            case 4:
                while (step := await world.extraction().step(ref)) and step.committed:
                    pass
                await changes.put(ref, said("anew"), Notes(), now=NOW)
            case 5:
                await _forget_some(world, owner, chance)
            case 6:
                try:
                    await world.sessions.delete(ref)
                except SessionNotFound:
                    await world.sessions.create_if_missing(ref, DEFAULTS, NOW)
            case 7:
                await _import_session(world, ref)
        assert await counted(world.redis, owner) == await looked_at(world.redis, owner)
    both = [await counted(world.redis, owner) for owner in (ALICE, BOB)]
    assert await tenant_usage(world.redis, "acme") == _sum(both)
    assert await tenant_usage(world.redis, "globex") == await counted(world.redis, CAROL)


def _sum(quotas: list[Quota]) -> Quota:
    return Quota(*(sum(getattr(quota, name) for quota in quotas) for name in NAMES))


async def _forget_some(world: World, owner: Owner, chance: random.Random) -> None:
    stored = await world.stored(owner)
    some = chance.sample(stored, min(2, len(stored)))
    known = await world.memories.known(owner, (), [memory.id for memory in some])
    plan = delete(some, known.state, NOW)
    await world.memories.commit(owner, plan, base=known.state)


async def _import_session(world: World, ref: SessionRef) -> None:
    session = Session(ref, 1, NOW, NOW, 1, 0, 0)
    head = SessionHead(session, Notes(), Summary("", 0))
    await SessionImports(world.redis).write(SessionRun(head, begins=True), now=NOW)


async def test_what_is_erased_is_counted_no_more(world: World) -> None:
    await world.sessions.append(CHAT, numbered(3), now=NOW)
    await create(world, "one", "two")
    await create(world, "three", owner=BOB)
    eraser = Eraser(world.redis)
    while [batch async for batch in eraser.round(ALICE)]:
        pass
    assert await counted(world.redis, ALICE) == Quota(0, 0, 0)
    assert await tenant_usage(world.redis, "acme") == await counted(world.redis, BOB)
    await create(world, "again")
    assert await counted(world.redis, ALICE) == await looked_at(world.redis, ALICE)


async def test_an_owner_gets_no_memory_beyond_its_quota(world: World) -> None:
    store = MemoryStore(world.redis, Scripts(world.redis), quota=Quota(memories=2))
    assert not isinstance(await create(world, "one", "two", store=store), Fence)
    before = await dump(world.redis)
    with pytest.raises(QuotaExceeded) as raised:
        await create(world, "three", store=store)
    assert raised.value.limit == "memories"
    assert await dump(world.redis) == before
    (gone, _) = await world.stored()
    known = await store.known(ALICE, (), [gone.id])
    await store.commit(ALICE, delete([gone], known.state, NOW), base=known.state)
    assert not isinstance(await create(world, "three", store=store), Fence)
    assert not isinstance(await create(world, "bobs", owner=BOB, store=store), Fence)


async def test_a_batch_that_does_not_fit_is_not_stored_in_part(world: World) -> None:
    store = MemoryStore(world.redis, Scripts(world.redis), quota=Quota(memories=2))
    with pytest.raises(QuotaExceeded):
        await create(world, "one", "two", "three", store=store)
    assert await world.stored() == []


async def test_an_owner_gets_no_bytes_beyond_its_quota(world: World) -> None:
    store = MemoryStore(world.redis, Scripts(world.redis), quota=Quota(bytes=2000))
    await create(world, "a", store=store)
    with pytest.raises(QuotaExceeded) as raised:
        await create(world, "b" * 2000, store=store)
    assert raised.value.limit == "bytes"
    sessions = SessionStore(world.redis, Quota(bytes=2000))
    await sessions.append(CHAT, said("short"), now=NOW)
    before = await dump(world.redis)
    with pytest.raises(QuotaExceeded):
        await sessions.append(CHAT, said("c" * 2000), now=NOW)
    assert await dump(world.redis) == before


async def test_an_owner_gets_no_session_beyond_its_quota(world: World) -> None:
    quota = Quota(sessions=1)
    sessions, changes = SessionStore(world.redis, quota), SessionChanges(world.redis, quota)
    await sessions.append(CHAT, said("one"), now=NOW)
    await sessions.append(CHAT, said("two"), now=NOW)
    other = SessionRef(ALICE, "other")
    before = await dump(world.redis)
    head = SessionHead(Session(other, 1, NOW, NOW, 1, 0, 0), Notes(), Summary("", 0))
    for write in (
        sessions.append(other, said("x"), now=NOW),
        sessions.create_if_missing(other, DEFAULTS, NOW),
        changes.put(other, said("x"), Notes(), now=NOW),
        SessionImports(world.redis, quota).write(SessionRun(head, begins=True), now=NOW),
    ):
        with pytest.raises(QuotaExceeded) as raised:
            await write
        assert raised.value.limit == "sessions"
    assert await dump(world.redis) == before
    await sessions.delete(CHAT)
    await sessions.append(other, said("x"), now=NOW)


async def test_a_session_that_is_replaced_gives_its_room_back(world: World) -> None:
    # Room for what is remembered of three messages of 1,000 bytes, and for one of them as said.
    quota = Quota(bytes=7000, sessions=1)
    sessions, changes = SessionStore(world.redis, quota), SessionChanges(world.redis, quota)
    for letter in "abc":
        await sessions.append(CHAT, said(letter * 1000), now=NOW)
        while (step := await world.extraction().step(CHAT)) and step.committed:
            pass
        await changes.put(CHAT, (), Notes(), now=NOW)
    assert await counted(world.redis, ALICE) == await looked_at(world.redis, ALICE)
    assert (await counted(world.redis, ALICE)).sessions == 1


async def test_what_was_taken_in_is_extracted_and_then_no_more_is_taken(world: World) -> None:
    quota = Quota(memories=1)
    sessions = SessionStore(world.redis, quota)
    limited = MemoryStore(world.redis, Scripts(world.redis), quota=quota)
    await sessions.append(CHAT, numbered(3), now=NOW)
    extraction = World(
        world.redis,
        sessions,
        limited,
        world.queue,
        world.extractor,
        world.clock,
        world.embedding,
        world.reconciler,
    ).extraction()
    await extraction.step(CHAT)
    # The facts, and the turns themselves, which can be searched.
    assert (await counted(world.redis, ALICE)).memories == 6
    with pytest.raises(QuotaExceeded) as raised:
        await sessions.append(CHAT, said("more"), now=NOW)
    assert raised.value.limit == "memories"


async def test_a_repeat_is_answered_even_when_there_is_no_more_room(world: World) -> None:
    sessions = SessionStore(world.redis, Quota(sessions=1, bytes=300))
    request = RequestKey("AppendMessages", "r1", "arguments")
    first = await sessions.append(CHAT, said("x" * 100), now=NOW, request=request)
    with pytest.raises(QuotaExceeded):
        await sessions.append(CHAT, said("y" * 200), now=NOW)
    assert await sessions.append(CHAT, said("x" * 100), now=NOW, request=request) == first
