from __future__ import annotations

import asyncio

import pytest
from redis.asyncio import Redis

from memory_service import forgetting as module
from memory_service.domain.changes import Cause
from memory_service.domain.deleting import delete
from memory_service.domain.errors import Contention, RequestIdReused
from memory_service.domain.forgetting import Limits
from memory_service.domain.memory import MemoryType, NewMemory, fact_digest
from memory_service.domain.owner import Owner
from memory_service.domain.reconcile import reconcile
from memory_service.domain.requests import RequestKey
from memory_service.domain.updating import update
from memory_service.forgetting import Forgetting
from memory_service.jobs import Jobs
from memory_service.keyed_locks import KeyedLocks
from memory_service.store.answers import Forgotten
from memory_service.store.history import MemoryHistory
from memory_service.store.keys import OwnerKeys
from memory_service.store.search import MemorySearch
from memory_service.store.use import UseStore
from tests.support.extraction import NOW, World, dump, new_world
from tests.support.memories import ALICE, BOB

DAY = 24 * 3600 * 1_000_000
REQUEST = RequestKey("ForgetMemories", "r1", "arguments")
OTHER = RequestKey("ForgetMemories", "r1", "other arguments")
NOTHING_STAYS = Limits(max_memories=0)
KEYS = OwnerKeys(ALICE)


@pytest.fixture
async def world(redis: Redis) -> World:
    return await new_world(redis)


@pytest.fixture
def forgetting(world: World) -> Forgetting:
    return process(world)


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BATCH", 10)


def process(world: World) -> Forgetting:
    """Another process: it shares nothing but Redis with the others."""
    jobs = Jobs(world.memories, KeyedLocks[Owner](), world.clock)
    uses = UseStore(world.redis)
    return Forgetting(world.memories, uses, MemorySearch(world.redis), jobs, world.clock)


async def create(
    world: World,
    *texts: str,
    owner: Owner = ALICE,
    age: int = 0,
    pinned: bool = False,
    type_: MemoryType = MemoryType.SEMANTIC,
    supersedes: tuple[str, ...] = (),
) -> None:
    new = [NewMemory(t, t, type_, pinned=pinned, supersedes=supersedes) for t in texts]
    known = await world.memories.known(
        owner, [fact_digest(memory) for memory in new], [*texts, *supersedes]
    )
    plan = reconcile(owner, new, known, NOW - age * DAY)
    assert await world.memories.commit(owner, plan, base=known.state) == b""


async def forget(
    forgetting: Forgetting,
    limits: Limits,
    *,
    owner: Owner = ALICE,
    confirm: bool = True,
    request: RequestKey | None = None,
) -> Forgotten:
    return await forgetting.forget(owner, limits, confirm=confirm, request=request)


async def pin(world: World, id_: str) -> None:
    known = await world.memories.known(ALICE, (), [id_])
    edit = update(known.by_id[id_], {"pinned": True}, None, known.state, NOW - 99 * DAY)
    assert await world.memories.commit(ALICE, edit.plan, base=known.state) == b""


async def test_each_limit_forgets_what_is_beyond_it(world, forgetting):
    await create(world, "old", "old but used", age=10)
    await create(world, "new", age=1)
    await UseStore(world.redis).note({ALICE: {"old but used": NOW}})
    assert (await forget(forgetting, Limits(max_inactivity=5 * DAY))).sample == ("old",)
    assert (await forget(forgetting, Limits(max_age=5 * DAY))).sample == ("old but used",)
    assert (await forget(forgetting, Limits(max_memories=1))).count == 0
    assert (await forget(forgetting, NOTHING_STAYS)).sample == ("new",)
    assert await world.stored() == []


async def test_without_confirmation_nothing_changes_and_the_count_is_that_of_the_real_thing(
    world, forgetting
):
    await create(world, *(f"m{n}" for n in range(30)), age=2)
    await create(world, "pinned", age=2, pinned=True)
    await create(world, "new")
    before = await dump(world.redis)
    limits = Limits(max_age=DAY, max_memories=1)
    counted = await forget(forgetting, limits, confirm=False, request=REQUEST)
    assert (counted.count, counted.revision) == (31, 32)
    assert await dump(world.redis) == before
    done = await forget(forgetting, limits, request=REQUEST)
    assert done.count == 31
    assert set(done.sample) <= set(counted.sample)
    assert await world.texts() == ["pinned"]


async def test_only_facts_of_this_owner_are_forgotten_superseded_ones_too(world, forgetting):
    await create(world, "lives in Paris")
    await create(world, "lives in Berlin", supersedes=("lives in Paris",))
    await create(world, "happened", type_=MemoryType.EPISODIC)
    await create(world, "said", type_=MemoryType.MESSAGE)
    await create(world, "bob's", owner=BOB)
    assert (await forget(forgetting, NOTHING_STAYS)).count == 3
    assert await world.texts() == []
    assert [turn.text for turn in await world.turns()] == ["said"]
    assert await world.texts(BOB) == ["bob's"]


async def test_what_is_forgotten_can_be_restored_and_said_again(world, forgetting):
    await create(world, "a")
    await forget(forgetting, NOTHING_STAYS)
    ((_, earlier),) = await MemoryHistory(world.redis).page(ALICE, "a", before=None, limit=5)
    assert (earlier.cause, earlier.memory.text) == (Cause.FORGET, "a")
    assert await world.redis.ttl(KEYS.history("a")) > 29 * 24 * 3600
    assert not await world.redis.exists(KEYS.deleted_facts)
    assert (await world.memories.known(ALICE, [], [])).state.revision == 2


async def test_at_most_a_hundred_ids_are_told(world, forgetting):
    await create(world, *(f"m{n:03}" for n in range(130)))
    counted = await forget(forgetting, NOTHING_STAYS, confirm=False)
    done = await forget(forgetting, NOTHING_STAYS)
    assert (counted.count, done.count) == (130, 130)
    assert len(counted.sample) == len(set(done.sample)) == 100


async def test_a_memory_that_the_set_lacks_is_found(world, forgetting):
    await create(world, "a", "b", age=9)
    await world.redis.zrem(KEYS.used, "a")
    assert (await forget(forgetting, Limits(max_age=DAY))).count == 2


async def test_what_is_used_or_pinned_meanwhile_stays(world, forgetting, monkeypatch):
    await create(world, *(f"m{n:02}" for n in range(25)), age=9)
    real = UseStore.standings

    async def then_used(self, owner):
        found = await real(self, owner)
        monkeypatch.undo()
        await pin(world, "m03")
        await self.note({ALICE: {"m11": NOW}})
        return found

    monkeypatch.setattr(UseStore, "standings", then_used)
    assert (await forget(forgetting, Limits(max_inactivity=DAY))).count == 23
    assert await world.texts() == ["m03", "m11"]


async def test_a_use_between_reading_and_writing_a_batch_is_noticed(world):
    await create(world, "a")
    known = await world.memories.known(ALICE, (), ["a"])
    plan = delete(list(known.by_id.values()), known.state, NOW, Cause.FORGET)
    used = await UseStore(world.redis).used(ALICE, ["a"])
    await UseStore(world.redis).note({ALICE: {"a": NOW + 1}})
    before = await dump(world.redis)
    fence = await world.memories.commit(ALICE, plan, base=known.state, used=used)
    assert fence.value == "revision_moved"
    assert await dump(world.redis) == before


async def test_an_owner_who_never_holds_still_is_given_up(world, forgetting, monkeypatch):
    await create(world, "a")
    real = UseStore.standings

    async def then_used(self, owner):
        found = await real(self, owner)
        await self.note({ALICE: {"a": found[0].used + 1}})
        return found

    monkeypatch.setattr(UseStore, "standings", then_used)
    with pytest.raises(Contention):
        await forget(forgetting, NOTHING_STAYS)
    assert await world.texts() == ["a"]


async def test_a_repeat_gets_the_first_answer(world, forgetting):
    await create(world, "a", "b")
    first = await forget(forgetting, NOTHING_STAYS, request=REQUEST)
    await create(world, "c")
    before = await dump(world.redis)
    assert await forget(forgetting, NOTHING_STAYS, request=REQUEST) == first
    assert await dump(world.redis) == before
    with pytest.raises(RequestIdReused):
        await forget(forgetting, NOTHING_STAYS, request=OTHER)


async def break_off(world: World, after: int) -> None:
    """Forget with REQUEST, and cancel the call after so many commits."""
    held = asyncio.Event()
    commits = 0
    real = world.memories.commit

    async def commit(*args, **kwargs):
        nonlocal commits
        if commits == after:
            held.set()
            await asyncio.Event().wait()
        commits += 1
        return await real(*args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(world.memories, "commit", commit)
        task = asyncio.create_task(forget(process(world), NOTHING_STAYS, request=REQUEST))
        await asyncio.wait_for(held.wait(), 10)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_a_call_broken_off_is_finished_by_another_process_and_counted_as_a_whole(world):
    await create(world, *(f"m{n:02}" for n in range(35)))
    await break_off(world, after=2)
    assert len(await world.stored()) == 15
    with pytest.raises(RequestIdReused):
        await forget(process(world), NOTHING_STAYS, request=OTHER)
    done = await forget(process(world), NOTHING_STAYS, request=REQUEST)
    assert done.count == 35
    assert set(done.sample) <= {f"m{n:02}" for n in range(35)}
    assert await world.stored() == []
    assert not await world.redis.exists(KEYS.job(REQUEST.method, REQUEST.id))
    assert await forget(process(world), NOTHING_STAYS, request=REQUEST) == done


async def test_a_call_that_goes_on_counts_ages_from_where_it_began(world):
    await create(world, *(f"m{n:02}" for n in range(15)))
    await break_off(world, after=1)
    assert len(await world.stored()) == 5
    began = await world.redis.hget(KEYS.job(REQUEST.method, REQUEST.id), "began")
    assert int(began) == NOW
    world.clock.time += 9 * DAY
    await create(world, "new", age=-5)
    counted = await process(world).forget(ALICE, Limits(max_age=DAY), confirm=True, request=REQUEST)
    # Nothing was a day old when it was begun.
    assert counted.count == 10
    assert len(await world.stored()) == 6


async def test_two_at_the_same_time_count_nothing_twice(world):
    await create(world, *(f"m{n:02}" for n in range(40)))
    answers = await asyncio.gather(
        *(forget(process(world), NOTHING_STAYS, request=REQUEST) for _ in range(4))
    )
    assert [answer.count for answer in answers] == [40] * 4
    assert len(set(answers)) == 1


async def test_many_at_the_same_time_without_an_id_forget_each_memory_once(world):
    await create(world, *(f"m{n:02}" for n in range(40)))
    answers = await asyncio.gather(*(forget(process(world), NOTHING_STAYS) for _ in range(4)))
    assert sum(answer.count for answer in answers) == 40
