from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from agentmemory.v1 import extractor_service_pb2 as pb
from redis.asyncio import Redis

from extractor_service.translate import from_embed
from memory_service.domain.deleting import delete
from memory_service.domain.errors import StoreUnavailable
from memory_service.domain.memory import MemoryType, NewMemory, Source, fact_digest
from memory_service.domain.owner import Owner
from memory_service.domain.reconcile import reconcile
from memory_service.domain.search import Arm, Selection
from memory_service.embedding import EmbeddingClient
from memory_service.store.keys import OwnerKeys
from memory_service.store.search import MemorySearch
from memory_service.vector_sweep import BATCH, SETS, VectorSweep
from tests.support.embedding import FakeEmbedding, any_model
from tests.support.extraction import NOW, World, new_world
from tests.support.extractor_peer import ExtractorServer, serving, stub_of
from tests.support.memories import ALICE, BOB, vector
from tests.support.redis import DIMENSION
from tests.support.searching import arms_of
from tests.support.waiting import wait_until


@pytest.fixture
async def world(redis: Redis) -> World:
    return await new_world(redis)


async def create(world: World, *texts: str, owner: Owner = ALICE, source: str = "1") -> None:
    new = [NewMemory("", t, MemoryType.SEMANTIC, sources=(Source("s", source),)) for t in texts]
    known = await world.memories.known(owner, [fact_digest(memory) for memory in new], [])
    plan = reconcile(owner, new, known, NOW)
    assert await world.memories.commit(owner, plan, base=known.state) == b""


async def left(world: World) -> int:
    return len(await world.memories.unembedded(SETS, 100_000))


async def test_memories_get_their_vectors_and_are_found_by_them(world: World):
    await create(world, "tea")
    await create(world, "coffee", owner=BOB)
    sweep = VectorSweep(world.memories, FakeEmbedding({"tea": vector(0, 1)}), every=60)
    assert await sweep.sweep() == 2
    assert await sweep.sweep() == 0
    assert await left(world) == 0
    (tea,) = await world.stored()
    assert tea.embedded
    arms = await arms_of(
        MemorySearch(world.redis),
        Selection((ALICE,)),
        vector=vector(0, 1),
        words=[],
        k=5,
        timeout_ms=5000,
    )
    assert [(c.memory.text, round(c.raw, 3)) for c in arms[Arm.SEMANTIC]] == [("tea", 1.0)]


async def test_many_are_swept_batch_by_batch(world: World):
    await create(world, *(f"fact {n}" for n in range(BATCH + 10)))
    sweep = VectorSweep(world.memories, FakeEmbedding(), every=60)
    assert [await sweep.sweep() for _ in range(3)] == [BATCH, 10, 0]


async def test_without_an_extractor_all_stays_as_it_is(world: World):
    await create(world, "tea")
    embedding = FakeEmbedding()
    embedding.down = True
    sweep = VectorSweep(world.memories, embedding, every=60)
    assert await sweep.sweep() == 0
    assert await left(world) == 1
    embedding.down = False
    assert await sweep.sweep() == 1


async def test_a_text_longer_than_the_extractor_takes_keeps_nobody_from_a_vector(
    world: World, tmp_path: Path
):
    def embed(request: pb.EmbedRequest) -> list[bytes]:
        texts, _ = from_embed(request)
        return [vector(1) for _ in texts]

    server = ExtractorServer()
    server.embed = embed
    await create(world, "x" * 256 * 1024)
    await create(world, "tea", owner=BOB)
    async with serving(tmp_path / "e.sock", server), stub_of(tmp_path / "e.sock") as stub:
        client = EmbeddingClient(stub, any_model, dimension=DIMENSION, timeout=10)
        assert await VectorSweep(world.memories, client, every=60).sweep() == 2
    assert await left(world) == 0


async def test_a_memory_that_changed_meanwhile_is_left_for_the_next_time(world: World):
    await create(world, "tea")
    embedding = FakeEmbedding()

    async def change() -> None:
        embedding.before = None
        await create(world, "tea", source="2")

    embedding.before = change
    sweep = VectorSweep(world.memories, embedding, every=60)
    assert await sweep.sweep() == 0
    assert await left(world) == 1
    assert await sweep.sweep() == 1
    (tea,) = await world.stored()
    assert tea.embedded
    assert len(tea.sources) == 2


async def test_a_memory_that_was_deleted_meanwhile_stays_deleted(world: World):
    await create(world, "tea")
    embedding = FakeEmbedding()

    async def forget() -> None:
        embedding.before = None
        (tea,) = await world.stored()
        plan = delete([tea], await world.memories.state(ALICE), NOW)
        base = replace(plan.state, revision=plan.state.revision - 1)
        assert await world.memories.commit(ALICE, plan, base=base) == b""

    embedding.before = forget
    await VectorSweep(world.memories, embedding, every=60).sweep()
    assert await world.stored() == []
    assert await left(world) == 0


async def test_a_key_without_a_memory_is_forgotten(world: World):
    key = OwnerKeys(ALICE).memory("gone")
    await world.redis.sadd(OwnerKeys(ALICE).shared.unembedded, key)
    await VectorSweep(world.memories, FakeEmbedding(), every=60).sweep()
    assert await left(world) == 0
    assert not await world.redis.exists(key)


async def test_it_goes_on_sweeping_through_trouble_with_redis(world: World, monkeypatch):
    real, troubles = world.memories.unembedded, 2

    async def unembedded(sets, count):
        nonlocal troubles
        if troubles:
            troubles -= 1
            raise StoreUnavailable("Redis cannot be reached")
        return await real(sets, count)

    monkeypatch.setattr(world.memories, "unembedded", unembedded)
    task = asyncio.create_task(VectorSweep(world.memories, FakeEmbedding(), every=0.01).run())
    try:
        for text in ("tea", "coffee"):
            await create(world, text)

            async def swept() -> bool:
                return all(memory.embedded for memory in await world.stored())

            await wait_until(swept, "all have their vectors")
    finally:
        task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
