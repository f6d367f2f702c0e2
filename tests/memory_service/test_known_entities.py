"""Those whom an owner's memories name go with messages to the extractor: who, when, and whose."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from redis.asyncio import Redis

from memory_service.domain.known_entities import MOST_KNOWN, PAGE, KnownEntity
from memory_service.domain.memory import Entity, Memory, MemoryType, NewMemory
from memory_service.domain.owner import Owner, SessionRef
from memory_service.store.commits import MOST_KEPT
from memory_service.store.keys import OwnerKeys
from memory_service.store.memories import MemoryStore
from memory_service.store.scripts import Scripts
from tests.support.extraction import CHAT, FakeExtractor, World, new_world
from tests.support.memories import ALICE

EMMA = KnownEntity("Emma", "person", "sister", "Alice")
OTHER = SessionRef(ALICE, "other")


@pytest.fixture
async def world(redis: Redis) -> World:
    return await new_world(redis)


def names(name: str, relation: str = "sister", text: str = "") -> NewMemory:
    return NewMemory(
        id="",
        text=text or f"Alice's {relation} {name} is a nurse.",
        type=MemoryType.SEMANTIC,
        entities=(Entity("Alice", "person"), Entity(name, "person")),
    )


async def remember(world: World, *new: NewMemory, owner: Owner = ALICE) -> list[Memory]:
    plan, base = await world.reconciling.plan_given(owner, new)
    await world.memories.commit(owner, plan, base=base)
    return [each.memory for each in plan.decisions if each.memory]


async def counts(world: World, owner: Owner = ALICE) -> list[int]:
    return sorted(int(n) for n in (await world.redis.hgetall(OwnerKeys(owner).known)).values())


async def flush(world: World, ref: SessionRef) -> None:
    extraction = world.extraction()
    while (progress := await extraction.step(ref)) and progress.committed:
        pass


async def known_after(
    world: World, *texts: str, ref: SessionRef = CHAT
) -> Sequence[tuple[KnownEntity, ...]]:
    """Who went with each delta of what is appended now."""
    before = len(world.extractor.known)
    await world.append(*texts, ref=ref)
    await flush(world, ref)
    return world.extractor.known[before:]


async def test_those_whom_current_memories_name_go_with_a_delta(world: World):
    assert await known_after(world, "hello") == [()]
    await remember(world, names("Emma"), names("Rex", "dog"))
    dog = KnownEntity("Rex", "person", "dog", "Alice")
    assert await known_after(world, "hello", ref=OTHER) == [(EMMA, dog)]


async def test_who_is_no_longer_named_is_no_longer_known(world: World):
    first, _ = await remember(
        world, names("Emma"), names("Emma", text="Alice's sister Emma sings.")
    )
    assert await counts(world) == [2]
    plan, base = await world.reconciling.plan_given(
        ALICE, [replace(names("Emily"), supersedes=(first.id,))]
    )
    await world.memories.commit(ALICE, plan, base=base)
    assert await counts(world) == [1, 1]


async def test_the_last_memory_of_somebody_takes_them_along(world: World):
    (first,) = await remember(world, names("Emma"))
    plan, base = await world.reconciling.plan_given(
        ALICE, [replace(names("Emily"), supersedes=(first.id,))]
    )
    await world.memories.commit(ALICE, plan, base=base)
    (known,) = await known_after(world, "hello")
    assert known == (replace(EMMA, name="Emily"),)


async def test_who_is_known_stays_the_same_within_a_page(world: World):
    await known_after(world, "hello")
    await remember(world, names("Emma"))
    assert await known_after(world, "and", "then") == [()]
    # So it is the same wherever the first messages are cut.
    assert await known_after(world, "hello", ref=OTHER) == [(EMMA,)]


@pytest.mark.parametrize("delta_messages", [7, 32, 1000])
async def test_each_page_begins_with_what_was_known_when_all_before_it_was_extracted(
    world: World, delta_messages: int
):
    extractor = FakeExtractor(messages=1000)
    await world.append(*(f"fact {n}" for n in range(2 * PAGE + 5)))
    await remember(world, names("Emma"))
    extraction = world.extraction(extractor, delta_messages=delta_messages)
    while (progress := await extraction.step(CHAT)) and progress.cursor < PAGE:
        pass
    await remember(world, names("Zoe"))
    while (progress := await extraction.step(CHAT)) and progress.committed:
        pass
    by_message = {
        sequence: known
        for asked, known in zip(extractor.asked, extractor.known, strict=True)
        for sequence in asked
    }
    assert len(by_message) == 2 * PAGE + 5
    zoe = replace(EMMA, name="Zoe")
    assert {by_message[n] for n in range(1, PAGE + 1)} == {(EMMA,)}
    assert {by_message[n] for n in range(PAGE + 1, 2 * PAGE + 6)} == {(EMMA, zoe)}


async def test_a_session_made_anew_looks_again(world: World):
    await known_after(world, "hello")
    await remember(world, names("Emma"))
    await world.sessions.delete(CHAT)
    assert await known_after(world, "hello") == [(EMMA,)]


async def test_no_owner_knows_those_of_another(world: World):
    await remember(world, names("Emma"))
    others = [
        replace(ALICE, id="bob"),
        replace(ALICE, namespace="elsewhere"),
        replace(ALICE, tenant="another"),
    ]
    for owner in others:
        assert await known_after(world, "hello", ref=SessionRef(owner, "chat")) == [()]
        assert await counts(world, owner) == []


async def test_untrusted_memories_name_nobody(world: World):
    await remember(world, replace(names("Emma"), untrusted=True))
    assert await counts(world) == []
    assert await known_after(world, "hello") == [()]


async def test_so_many_are_known_at_most_and_so_many_are_counted(world: World, redis: Redis):
    store = MemoryStore(redis, Scripts(redis))
    for start in range(0, MOST_KEPT + 50, 50):
        new = [names(f"N{number:03d}") for number in range(start, start + 50)]
        plan, base = await world.reconciling.plan_given(ALICE, new)
        await store.commit(ALICE, plan, base=base)
    assert len(await counts(world)) == MOST_KEPT
    (known,) = await known_after(world, "hello")
    assert len(known) == MOST_KNOWN
