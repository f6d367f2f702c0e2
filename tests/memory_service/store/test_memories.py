from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from redis.asyncio import Redis

from memory_service.domain.changes import OwnerState, Plan
from memory_service.domain.deleting import delete
from memory_service.domain.errors import RequestIdReused
from memory_service.domain.failed_ranges import FailedRange
from memory_service.domain.memory import Entity, EventTime, NewMemory, Precision, fact_digest
from memory_service.domain.owner import Owner
from memory_service.domain.reconcile import reconcile
from memory_service.domain.requests import RequestKey
from memory_service.domain.session import Session
from memory_service.store import memories, records
from memory_service.store.commits import SessionAdvance
from memory_service.store.keys import OwnerKeys
from memory_service.store.memories import Fence
from tests.support.extraction import CHAT, NOW, World, dump, new_world, numbered
from tests.support.memories import ALICE, BOB, vector
from tests.support.memories import make as stored

REQUEST = RequestKey("CreateMemories", "r1", "arguments")
KEYS = OwnerKeys(ALICE)


@pytest.fixture
async def world(redis: Redis) -> World:
    return await new_world(redis)


def fact(text: str, **fields: object) -> NewMemory:
    return NewMemory(**{"id": "", "text": text, "type": stored("x").type, **fields})


async def plan_for(world: World, *new: NewMemory, owner: Owner = ALICE) -> tuple[Plan, OwnerState]:
    digests = [fact_digest(memory) for memory in new]
    ids = [memory.id for memory in new if memory.id]
    known = await world.memories.known(owner, digests, ids)
    return reconcile(owner, new, known, NOW), known.state


async def create(world: World, *new: NewMemory, owner: Owner = ALICE) -> Plan:
    plan, base = await plan_for(world, *new, owner=owner)
    assert await world.memories.commit(owner, plan, base=base, answer=b"ok") == b"ok"
    return plan


async def feed(world: World) -> list[tuple[str, str, str]]:
    entries = await world.redis.xrange(KEYS.changes)
    return [(id_.decode(), e[b"kind"].decode(), e[b"id"].decode()) for id_, e in entries]


async def test_what_is_committed_can_be_read_as_it_was(world: World):
    new = fact(
        "Alice moved to 北京\0.",
        id="ü:{x}",
        topics=("a,b", "|"),
        entities=(Entity("北京", "place"),),
        event_time=EventTime(-5, Precision.YEAR),
        vector=vector(1, -2),
    )
    plan = await create(world, new)
    (memory,) = (change.memory for change in plan.changes)
    assert await world.memories.get(ALICE, ["ü:{x}", "none"]) == {"ü:{x}": memory}
    assert memory.embedded
    assert await world.redis.hget(KEYS.memory("ü:{x}"), "vector") == vector(1, -2)
    assert await world.memories.get(BOB, ["ü:{x}"]) == {}
    assert await world.memories.get(ALICE, []) == {}


async def test_the_feed_counts_revisions_and_the_owner_remembers_them(world: World):
    await create(world, fact("a", id="a"), fact("b", id="b"))
    await create(world, fact("c", id="c"))
    assert await feed(world) == [
        ("1-0", "created", "a"),
        ("2-0", "created", "b"),
        ("3-0", "created", "c"),
    ]
    state = await world.memories.state(ALICE)
    assert state == OwnerState(3, max(m.created for m in await world.stored()))
    assert await world.memories.state(BOB) == OwnerState(0, 0)
    created = [memory.created for memory in await world.stored()]
    assert created == [NOW, NOW + 1, NOW + 2]


async def test_the_feed_has_no_gaps(world: World):
    for n in range(3):
        await create(world, *(fact(f"{n}-{i}") for i in range(128)))
    assert [id_ for id_, _, _ in await feed(world)] == [f"{n}-0" for n in range(1, 385)]


async def test_only_memories_without_a_vector_wait_for_one(world: World):
    await create(world, fact("a", id="a", vector=vector(1)), fact("b", id="b"))
    waiting = await world.redis.smembers(KEYS.shared.unembedded)
    assert waiting == {KEYS.memory("b").encode()}
    # A merge writes the fields again, but neither takes the vector away nor asks for another.
    plan = await create(world, fact("a", sources=(replace(SOURCE),)))
    assert plan.changes[0].memory.embedded
    assert await world.redis.hget(KEYS.memory("a"), "vector") == vector(1)
    assert await world.redis.smembers(KEYS.shared.unembedded) == waiting


SOURCE = stored("x", sessions=["s"]).sources[0]


async def test_a_plan_on_an_old_revision_writes_nothing_at_all(world: World):
    await create(world, fact("a", id="a"))
    stale, base = await plan_for(world, fact("b", id="b"))
    await create(world, fact("c", id="c"))
    before = await dump(world.redis)
    written = await world.memories.commit(ALICE, stale, base=base, answer=b"ok", request=REQUEST)
    assert written is Fence.REVISION
    assert await dump(world.redis) == before
    assert await create(world, fact("b", id="b"))


async def test_of_many_plans_at_once_one_is_committed(world: World):
    plan, base = await plan_for(world, fact("a"))
    written = await asyncio.gather(
        *(world.memories.commit(ALICE, plan, base=base, answer=b"ok") for _ in range(20))
    )
    assert sorted(map(str, written)) == sorted(["b'ok'", *["Fence.REVISION"] * 19])
    assert len(await world.stored()) == 1


async def test_owners_do_not_fence_each_other(world: World):
    plan, base = await plan_for(world, fact("a"))
    await create(world, fact("a"), owner=BOB)
    assert await world.memories.commit(ALICE, plan, base=base) == b""
    assert len(await world.stored(BOB)) == len(await world.stored(ALICE)) == 1


async def append(world: World, count: int = 4) -> Session:
    return (await world.sessions.append(CHAT, numbered(count), now=NOW)).session


async def test_memories_cursor_and_acknowledgement_are_one_step(world: World):
    session = await append(world)
    (notice,) = await world.queue.read(count=9, block_ms=10)
    plan, base = await plan_for(world, fact("a"))
    advance = SessionAdvance(session, 4, (notice.id,))
    assert await world.memories.commit(ALICE, plan, base=base, advance=advance) == b""
    assert (await world.sessions.get(CHAT)).cursor == 4
    assert await world.texts() == ["a"]
    assert (await world.waiting(), await world.pending()) == (0, 0)


async def moved_cursor(world: World, session: Session) -> None:
    state = await world.memories.state(ALICE)
    advance = SessionAdvance(session, 1)
    assert (
        await world.memories.commit(ALICE, Plan((), (), state), base=state, advance=advance) == b""
    )


async def deleted(world: World, _: Session) -> None:
    await world.sessions.delete(CHAT)


async def made_anew(world: World, _: Session) -> None:
    await world.sessions.delete(CHAT)
    await append(world)


@pytest.mark.parametrize("happened", [moved_cursor, deleted, made_anew])
async def test_a_session_that_moved_keeps_everything_as_it_is(world: World, happened):
    session = await append(world)
    (notice,) = await world.queue.read(count=9, block_ms=10)
    plan, base = await plan_for(world, fact("a"))
    await happened(world, session)
    before = await dump(world.redis)
    failed = FailedRange(1, 4, "EXTRACTION_FAILED", NOW)
    advance = SessionAdvance(session, 4, (notice.id,), failed)
    written = await world.memories.commit(ALICE, plan, base=base, advance=advance, request=REQUEST)
    assert written is Fence.SESSION
    assert await dump(world.redis) == before
    assert await world.pending() == 1


async def test_messages_given_up_are_told_in_the_session_and_in_the_dead_letters(world: World):
    session = await append(world)
    state = await world.memories.state(ALICE)
    first, second = (FailedRange(n, n, "EXTRACTION_FAILED", NOW + n) for n in (1, 2))
    nothing = Plan((), (), state)
    advance = SessionAdvance(session, 1, (), first)
    await world.memories.commit(ALICE, nothing, base=state, advance=advance)
    session = await world.sessions.get(CHAT)
    assert session.failed_ranges == (first,)
    advance = SessionAdvance(session, 2, (), second)
    await world.memories.commit(ALICE, nothing, base=state, advance=advance)
    assert (await world.sessions.get(CHAT)).failed_ranges == (first, second)
    letters = [entry for _, entry in await world.redis.xrange(KEYS.shared.dead)]
    assert letters[1] == {
        b"owner": b"acme:app:u:alice",
        b"session": b"chat",
        b"first": b"2",
        b"last": b"2",
        b"reason": b"EXTRACTION_FAILED",
    }
    assert len(letters) == 2


async def test_deleting_leaves_nothing_of_a_memory_but_the_change(world: World):
    await create(world, fact("a", id="a"), fact("b", id="b"))
    known = await world.memories.known(ALICE, (), ["a"])
    plan = delete([known.by_id["a"]], known.state, NOW)
    assert await world.memories.commit(ALICE, plan, base=known.state) == b""
    assert await world.texts() == ["b"]
    assert (await feed(world))[-1] == ("3-0", "deleted", "a")
    assert await world.redis.smembers(KEYS.shared.unembedded) == {KEYS.memory("b").encode()}
    assert await world.redis.hvals(KEYS.facts) == [b"b"]
    again = await create(world, fact("a", id="a"))
    assert again.state.revision == 4


async def test_what_is_known_is_found_by_words_and_by_id(world: World):
    await create(world, fact("a", id="x"), fact("b", id="y"))
    digest = fact_digest(fact("A."))
    known = await world.memories.known(ALICE, [digest, "missing"], ["y", "z"])
    assert known.state.revision == 2
    assert {d: m.id for d, m in known.by_digest.items()} == {digest: "x"}
    assert set(known.by_id) == {"x", "y"}
    nothing = await world.memories.known(BOB, [digest], ["y"])
    assert (nothing.state, nothing.by_digest, nothing.by_id) == (OwnerState(0, 0), {}, {})


async def test_a_repeated_request_gets_the_first_answer_whatever_happened_since(world: World):
    plan, base = await plan_for(world, fact("a"))
    commit = world.memories.commit
    assert await commit(ALICE, plan, base=base, answer=b"\0\xff1", request=REQUEST) == b"\0\xff1"
    before = await dump(world.redis)
    assert await commit(ALICE, plan, base=base, answer=b"2", request=REQUEST) == b"\0\xff1"
    with pytest.raises(RequestIdReused):
        await commit(ALICE, plan, base=base, request=replace(REQUEST, arguments="other"))
    assert await dump(world.redis) == before


async def test_the_largest_batch_is_one_commit(world: World):
    new = [
        fact(f"{n} " + "x" * 8000, id=f"m{n}", topics=tuple(f"t{i}" for i in range(32)))
        for n in range(256)
    ]
    await create(world, *(replace(memory, vector=vector(1)) for memory in new))
    assert len(await world.memories.get(ALICE, [m.id for m in new])) == 256
    known = await world.memories.known(ALICE, (), [m.id for m in new])
    plan = delete(list(known.by_id.values()), known.state, NOW)
    assert await world.memories.commit(ALICE, plan, base=known.state) == b""
    assert await world.stored() == []


@pytest.mark.parametrize(
    ("texts", "aside"), [(["tea"], False), (["tea " * 1024], True), (["tea " * 64] * 16, True)]
)
async def test_what_takes_long_to_encode_keeps_nobody_waiting(
    world: World, monkeypatch: pytest.MonkeyPatch, texts: list[str], aside: bool
):
    threads: set[int] = set()

    def here(real: Callable[..., Any]) -> Callable[..., Any]:
        def noted(*args: Any) -> Any:
            threads.add(threading.get_ident())
            return real(*args)

        return noted

    monkeypatch.setattr(records, "encode", here(records.encode))
    monkeypatch.setattr(memories, "pack", here(memories.pack))
    await create(world, *(fact(f"{text} {n}") for n, text in enumerate(texts)))
    assert (threading.get_ident() not in threads) is aside
    assert len(threads) == 1
    assert len(await world.texts()) == len(texts)


async def test_a_vector_is_set_once_and_only_for_the_body_it_was_made_from(world: World):
    await create(world, fact("a", id="a"))
    key = KEYS.memory("a")
    assert await world.memories.unembedded([KEYS.shared.unembedded], 9) == [key]
    (body,) = await world.memories.bodies([key])
    assert not await world.memories.set_vector(key, b"other body", vector(1))
    assert await world.redis.scard(KEYS.shared.unembedded) == 1
    assert await world.memories.set_vector(key, body, vector(1))
    assert (await world.memories.get(ALICE, ["a"]))["a"].embedded
    assert await world.redis.hget(key, "vector") == vector(1)
    assert await world.memories.unembedded([KEYS.shared.unembedded], 9) == []


async def test_a_vector_for_a_memory_that_is_gone_brings_nothing_back(world: World):
    await create(world, fact("a", id="a"))
    key = KEYS.memory("a")
    await world.redis.delete(key)
    assert await world.memories.bodies([key]) == [None]
    assert await world.memories.set_vector(key, b"", vector(1))
    assert not await world.redis.exists(key)
    assert await world.memories.unembedded([KEYS.shared.unembedded], 9) == []
