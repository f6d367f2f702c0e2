from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest
from redis.asyncio import Redis

from memory_service import reembedding as module
from memory_service.domain.memory import MemoryType, NewMemory, Source, fact_digest
from memory_service.domain.reconcile import reconcile
from memory_service.domain.search import Arm, Selection
from memory_service.domain.updating import update
from memory_service.reembedding import Reembedding, ReembedError
from memory_service.store import schema, spaces
from memory_service.store.connection import command
from memory_service.store.keys import SCHEMA, OwnerKeys
from memory_service.store.memories import MemoryStore
from memory_service.store.missing import MissingVectors
from memory_service.store.scripts import Scripts
from memory_service.store.search import MemorySearch
from memory_service.store.spaces import Model, ModelMismatch, Space
from memory_service.vector_sweep import VectorSweep
from tests.support.embedding import FakeEmbedding
from tests.support.extraction import NOW
from tests.support.memories import ALICE, vector
from tests.support.redis import DIMENSION
from tests.support.searching import arms_of
from tests.support.waiting import wait_until

OLD = Model("mini", "1", DIMENSION)
NEW = Model("maxi", "1", 2 * DIMENSION)
SAME_LENGTH = Model("mono", "1", DIMENSION)


class Embedding(FakeEmbedding):
    """The new model's: twice as long, and pointing elsewhere."""

    async def documents(
        self, texts: Sequence[str], *, within: float | None = None
    ) -> list[bytes] | None:
        vectors = await super().documents(texts, within=within)
        return vectors and [vector(0, 1) + vector() for _ in vectors]


class Process:
    """A service that was started when the database was in some space."""

    def __init__(self, redis: Redis, space: Space) -> None:
        self.space = space
        self.memories = MemoryStore(redis, Scripts(redis), space)
        self.search = MemorySearch(redis, space)

    async def create(self, *ids: str, blob: bytes | None) -> None:
        new = [
            NewMemory(id_, id_, MemoryType.SEMANTIC, vector=blob, sources=(Source("s", id_),))
            for id_ in ids
        ]
        known = await self.memories.known(ALICE, [fact_digest(memory) for memory in new], ids)
        plan = reconcile(ALICE, new, known, NOW)
        assert await self.memories.commit(ALICE, plan, base=known.state) == b""

    async def change(self, id_: str, **values: object) -> None:
        known = await self.memories.known(ALICE, (), [id_])
        edit = update(known.by_id[id_], values, None, known.state, NOW)
        assert await self.memories.commit(ALICE, edit.plan, base=known.state) == b""

    async def found(self, blob: bytes) -> dict[str, float]:
        """Everything that is found by meaning, with its cosine."""
        arms = await arms_of(
            self.search, Selection((ALICE,)), vector=blob, words=[], k=1000, timeout_ms=5000
        )
        return {each.memory.id: round(each.raw, 3) for each in arms[Arm.SEMANTIC]}

    async def embedded(self, id_: str) -> bool:
        return (await self.memories.get(ALICE, [id_]))[id_].embedded


OLD_VECTOR = vector(1)
NEW_VECTOR = vector(0, 1) + vector()


async def start(redis: Redis, model: Model) -> Process:
    return Process(redis, await schema.ensure(redis, dimension=model.dimension, model=model))


@pytest.fixture
async def old(redis: Redis) -> Process:
    """A service of the old model, with a memory that waits for its vector among others."""
    process = await start(redis, OLD)
    await process.create(*(f"m{n:03}" for n in range(150)), blob=OLD_VECTOR)
    await process.create("waits", blob=None)
    return process


def reembedding(redis: Redis, embedding: FakeEmbedding, model: Model = NEW) -> Reembedding:
    return Reembedding(redis, embedding, model, "FLAT")


class Told:
    """What was told of the progress."""

    def __init__(self) -> None:
        self.lines: list[tuple[int, int]] = []

    def __call__(self, done: int, total: int) -> None:
        self.lines.append((done, total))


async def test_all_get_a_vector_of_the_new_model_and_the_old_service_sees_nothing_of_it(
    redis: Redis, old: Process
):
    told = Told()
    assert await reembedding(redis, Embedding()).run(told)
    assert told.lines == [(0, 151), (64, 151), (128, 151)]
    assert set((await old.found(OLD_VECTOR)).values()) == {1.0}
    assert len(await old.found(OLD_VECTOR)) == 150
    new = await start(redis, NEW)
    found = await new.found(NEW_VECTOR)
    assert len(found) == 151
    assert set(found.values()) == {1.0}
    assert await new.embedded("waits")
    assert not await old.embedded("waits")


async def test_a_memory_that_waited_for_its_old_vector_goes_on_waiting(redis: Redis, old: Process):
    await reembedding(redis, Embedding()).run(Told())
    waiting = await redis.smembers(OwnerKeys(ALICE).shared.unembedded)
    assert waiting == {OwnerKeys(ALICE).memory("waits").encode()}
    assert await VectorSweep(old.memories, FakeEmbedding(), every=60).sweep() == 1
    assert len(await old.found(OLD_VECTOR)) == 151


async def test_a_run_that_was_broken_off_goes_on_where_it_was(redis: Redis, old: Process):
    embedding = Embedding()
    batches = 0

    async def second_is_cancelled() -> None:
        nonlocal batches
        batches += 1
        if batches == 2:
            raise asyncio.CancelledError

    embedding.before = second_is_cancelled
    with pytest.raises(asyncio.CancelledError):
        await reembedding(redis, embedding).run(Told())
    assert await spaces.current_tag(redis) == ""
    assert len(await (await start(redis, OLD)).found(OLD_VECTOR)) == 150
    told = Told()
    again = Embedding()
    assert await reembedding(redis, again).run(told)
    assert told.lines[0] == (64, 151)
    assert len(again.asked) == 151 - 64


async def test_two_at_the_same_time_are_harmless(redis: Redis, old: Process):
    done = await asyncio.gather(*(reembedding(redis, Embedding()).run(Told()) for _ in range(2)))
    assert True in done
    assert len(await (await start(redis, NEW)).found(NEW_VECTOR)) == 151


async def test_a_run_again_has_nothing_to_do(redis: Redis, old: Process):
    assert await reembedding(redis, Embedding()).run(Told())
    embedding = Embedding()
    assert not await reembedding(redis, embedding).run(Told())
    assert embedding.asked == []


async def test_an_extractor_that_stays_away_ends_the_run_and_switches_nothing(
    redis: Redis, old: Process, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(module, "RETRY_SECONDS", 0.0)
    embedding = Embedding()
    embedding.down = True
    with pytest.raises(ReembedError, match="run again"):
        await reembedding(redis, embedding).run(Told())
    assert await spaces.current_tag(redis) == ""


async def test_what_the_old_service_writes_meanwhile_gets_its_vector_in_the_end(
    redis: Redis, old: Process
):
    await reembedding(redis, Embedding()).run(Told())
    await old.create("late", blob=OLD_VECTOR)
    await old.change("m001", text="another text")
    await old.change("m002", pinned=True)
    new = await start(redis, NEW)
    assert not await new.embedded("late")
    assert not await new.embedded("m001")
    assert await new.embedded("m002")
    missing = MissingVectors(redis, new.space)
    keys = {OwnerKeys(ALICE).memory(id_) for id_ in ("m001", "late")}
    assert set(await missing.stragglers(9)) == keys
    sweep = VectorSweep(new.memories, Embedding(), every=0.01, stragglers=missing.stragglers)
    task = asyncio.create_task(sweep.run())

    async def caught_up() -> bool:
        return await missing.stragglers(9) == []

    try:
        await wait_until(caught_up, "the stragglers have their vectors")
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert len(await new.found(NEW_VECTOR)) == 152


async def test_finishing_leaves_one_index_and_no_other_field(redis: Redis, old: Process):
    await reembedding(redis, Embedding()).run(Told())
    await old.create("late", blob=OLD_VECTOR)
    await reembedding(redis, Embedding()).finish(Told())
    new = await start(redis, NEW)
    assert len(await new.found(NEW_VECTOR)) == 152
    assert await command(redis, "FT._LIST") == [new.space.index.encode()]
    async for key in redis.scan_iter(match="am:mem:*"):
        fields = {name for name in await redis.hkeys(key) if name.startswith((b"vec", b"emb"))}
        assert fields == {
            new.space.vector_field.encode(),
            new.space.embedded_field.encode(),
        }
    assert not await spaces.unfinished(redis)
    assert b"model" not in await redis.hgetall(SCHEMA)


async def test_finishing_with_the_old_model_is_refused(redis: Redis, old: Process):
    await reembedding(redis, Embedding()).run(Told())
    with pytest.raises(ModelMismatch):
        await reembedding(redis, FakeEmbedding(), OLD).finish(Told())
    assert len(await old.found(OLD_VECTOR)) == 150


async def test_vectors_as_long_as_the_old_ones_never_meet_them(redis: Redis, old: Process):
    await reembedding(redis, FakeEmbedding({}), SAME_LENGTH).run(Told())
    new = await start(redis, SAME_LENGTH)
    await new.create("of the new", blob=vector(0, 0, 1))
    assert "of the new" not in await old.found(vector(0, 0, 1))
    assert (await new.found(vector(0, 0, 1)))["of the new"] == 1.0


async def test_a_new_database_takes_the_model_and_needs_no_re_embedding(bare_redis: Redis):
    assert not await reembedding(bare_redis, Embedding()).run(Told())
    assert (await start(bare_redis, NEW)).space.dimension == NEW.dimension


async def test_back_again_is_a_way_like_any_other(redis: Redis, old: Process):
    await reembedding(redis, Embedding()).run(Told())
    await reembedding(redis, Embedding()).finish(Told())
    await reembedding(redis, FakeEmbedding(), OLD).run(Told())
    await reembedding(redis, FakeEmbedding(), OLD).finish(Told())
    back = await start(redis, OLD)
    assert back.space.tag == OLD.tag
    assert len(await back.found(OLD_VECTOR)) == 151
    assert replace(back.space, index="") == Space(OLD.tag, DIMENSION, "mini@1", "")
