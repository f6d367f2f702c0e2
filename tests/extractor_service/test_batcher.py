from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Sequence

import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from extractor_service.batcher import Batcher, NotServing
from extractor_service.embed_metrics import EmbedMetrics
from extractor_service.embed_queue import EmbeddingFailed, QueueFull
from extractor_service.embedder import Purpose, Vectors
from extractor_service.hashing import HashingEmbedder

QUERY, DOCUMENT = Purpose.QUERY, Purpose.DOCUMENT


class GatedEmbedder(HashingEmbedder):
    """Notes each batch, and runs none while its gate is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.batches: list[list[str]] = []
        self.threads: set[str] = set()
        self.broken: set[str] = set()
        self.gate = threading.Event()
        self.gate.set()

    def encode(self, texts: Sequence[str], purpose: Purpose) -> Vectors:
        self.batches.append(list(texts))
        self.threads.add(threading.current_thread().name)
        assert self.gate.wait(10)
        if self.broken & set(texts):
            raise RuntimeError("the model does not like this")
        return super().encode(texts, purpose)


@pytest.fixture
def embedder() -> GatedEmbedder:
    return GatedEmbedder()


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
async def batcher(embedder: GatedEmbedder, registry: CollectorRegistry) -> AsyncIterator[Batcher]:
    async with Batcher(lambda: embedder, EmbedMetrics(registry), queue_limit=6) as batcher:
        embedder.batches.clear()
        yield batcher
        embedder.gate.set()


def embedding(
    batcher: Batcher, *texts: str, purpose: Purpose = DOCUMENT
) -> asyncio.Task[list[bytes]]:
    return asyncio.create_task(batcher.embed(texts, purpose))


async def busy(batcher: Batcher, embedder: GatedEmbedder) -> asyncio.Task[list[bytes]]:
    """Close the gate with one batch inside."""
    embedder.gate.clear()
    embedder.batches.clear()
    task = embedding(batcher, "busy")
    await until(lambda: embedder.batches == [["busy"]])
    return task


async def until(holds: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110 (a predicate has no event)
            await asyncio.sleep(0)


def sample(registry: CollectorRegistry, name: str) -> float:
    value = registry.get_sample_value(f"extractor_embed_{name}")
    assert value is not None
    return value


def vectors(*texts: str) -> list[bytes]:
    return [row.astype("<f4").tobytes() for row in HashingEmbedder().encode(texts, DOCUMENT)]


async def test_callers_who_wait_during_a_batch_share_the_next_one(
    batcher: Batcher, embedder: GatedEmbedder, registry: CollectorRegistry
):
    first = await busy(batcher, embedder)
    callers = [embedding(batcher, f"text {i}") for i in range(5)]
    await until(lambda: sample(registry, "queue_depth") == 5)
    embedder.gate.set()
    await asyncio.gather(first, *callers)

    assert embedder.batches == [["busy"], [f"text {i}" for i in range(5)]]
    assert sample(registry, "batch_size_count") == 2
    assert sample(registry, "batch_size_sum") == 6
    assert sample(registry, "queue_seconds_count") == 6
    assert sample(registry, "batch_tokens_sum") == 6 * 3
    assert sample(registry, "queue_depth") == 0


async def test_vectors_come_back_in_the_order_of_the_texts_whatever_the_batches(
    embedder: GatedEmbedder, registry: CollectorRegistry
):
    texts = [f"{'long ' * (i * 7 % 10)}{i}" for i in range(50)] + ["3", "3"]
    async with Batcher(lambda: embedder, EmbedMetrics(registry), token_budget=40) as batcher:
        assert await batcher.embed(texts, DOCUMENT) == vectors(*texts)

    assert len(embedder.batches) > 5


async def test_a_text_asked_for_by_several_is_embedded_once(
    batcher: Batcher, embedder: GatedEmbedder, registry: CollectorRegistry
):
    first = await busy(batcher, embedder)
    callers = [embedding(batcher, "same"), embedding(batcher, "same", "same")]
    await until(lambda: sample(registry, "queue_depth") == 3)
    embedder.gate.set()

    assert await asyncio.gather(*callers) == [vectors("same"), vectors("same", "same")]
    assert embedder.batches == [["busy"], ["same"]]
    await first


async def test_a_full_queue_refuses_at_once_and_keeps_those_who_wait(
    batcher: Batcher, embedder: GatedEmbedder, registry: CollectorRegistry
):
    first = await busy(batcher, embedder)
    waiting = embedding(batcher, "1", "2", "3", "4", "5")
    await until(lambda: sample(registry, "queue_depth") == 5)

    with pytest.raises(QueueFull):
        await batcher.embed(["6", "7"], DOCUMENT)

    embedder.gate.set()
    assert await waiting == vectors("1", "2", "3", "4", "5")
    await first


async def test_the_texts_of_a_caller_who_left_are_not_embedded(
    batcher: Batcher, embedder: GatedEmbedder, registry: CollectorRegistry
):
    first = await busy(batcher, embedder)
    leaving, staying = embedding(batcher, "gone", "shared"), embedding(batcher, "shared")
    await until(lambda: sample(registry, "queue_depth") == 3)
    leaving.cancel()
    await until(lambda: sample(registry, "queue_depth") == 1)
    embedder.gate.set()

    assert await staying == vectors("shared")
    assert embedder.batches == [["busy"], ["shared"]]
    await first


async def test_a_caller_who_leaves_during_its_batch_disturbs_nobody(
    batcher: Batcher, embedder: GatedEmbedder
):
    first = await busy(batcher, embedder)
    first.cancel()
    await until(first.cancelled)
    embedder.gate.set()

    assert await batcher.embed(["next"], DOCUMENT) == vectors("next")


async def test_a_text_that_the_model_fails_on_fails_its_own_call_alone(
    batcher: Batcher, embedder: GatedEmbedder, registry: CollectorRegistry
):
    embedder.broken = {"bad"}
    first = await busy(batcher, embedder)
    good, bad = embedding(batcher, "a", "b"), embedding(batcher, "c", "bad", "d")
    await until(lambda: sample(registry, "queue_depth") == 5)
    embedder.gate.set()

    with pytest.raises(EmbeddingFailed) as failure:
        await bad
    assert failure.value.index == 1
    assert "like" not in str(failure.value)
    assert await good == vectors("a", "b")
    assert await batcher.embed(["after"], DOCUMENT) == vectors("after")
    assert embedder.batches.count(["bad"]) == 1
    await first


@pytest.mark.parametrize(
    "rows",
    [
        np.full((1, 384), np.nan, dtype=np.float32),
        np.ones((1, 3), dtype=np.float32),
        np.ones((2, 384), dtype=np.float32),
    ],
    ids=["not a number", "wrong dimension", "wrong number of rows"],
)
async def test_what_is_not_one_finite_vector_per_text_is_a_failure(
    batcher: Batcher, embedder: GatedEmbedder, monkeypatch: pytest.MonkeyPatch, rows: Vectors
):
    monkeypatch.setattr(embedder, "encode", lambda *_: rows)

    with pytest.raises(EmbeddingFailed):
        await batcher.embed(["text"], DOCUMENT)


async def test_a_query_does_not_wait_for_the_documents_before_it(
    embedder: GatedEmbedder, registry: CollectorRegistry
):
    async with Batcher(lambda: embedder, EmbedMetrics(registry), token_budget=1) as batcher:
        first = await busy(batcher, embedder)
        documents = embedding(batcher, "d1", "d2", "d3")
        query = embedding(batcher, "q", purpose=QUERY)
        await until(lambda: sample(registry, "queue_depth") == 4)
        embedder.gate.set()
        await asyncio.gather(first, documents, query)

    assert embedder.batches == [["busy"], ["q"], ["d1"], ["d2"], ["d3"]]


async def test_no_texts_need_no_batch(batcher: Batcher, embedder: GatedEmbedder):
    assert await batcher.embed([], DOCUMENT) == []
    assert embedder.batches == []


async def test_one_thread_runs_the_model_and_it_is_not_the_loop(
    batcher: Batcher, embedder: GatedEmbedder
):
    await asyncio.gather(*(batcher.embed([f"{i}"], QUERY) for i in range(5)))

    assert len(embedder.threads) == 1
    assert threading.current_thread().name not in embedder.threads


async def test_tokens_are_counted_in_the_models_thread_while_no_batch_runs(
    batcher: Batcher, embedder: GatedEmbedder, monkeypatch: pytest.MonkeyPatch
):
    counted_in: list[str] = []

    def count(texts: Sequence[str]) -> list[int]:
        counted_in.append(threading.current_thread().name)
        return HashingEmbedder().count_tokens(texts)

    monkeypatch.setattr(embedder, "count_tokens", count)
    embedder.gate.clear()
    running = embedding(batcher, "a")
    await until(lambda: embedder.batches == [["a"]])
    counting = asyncio.create_task(batcher.count_tokens(["one", "two words"]))
    await asyncio.sleep(0)
    assert counted_in == []
    embedder.gate.set()
    assert await counting == [1, 2]
    assert set(counted_in) == embedder.threads
    assert await batcher.count_tokens([]) == []
    await running


async def test_tokens_are_not_counted_before_the_model_is_warm_nor_after_it_stopped(
    registry: CollectorRegistry,
):
    batcher = Batcher(HashingEmbedder, EmbedMetrics(registry))
    with pytest.raises(NotServing):
        await batcher.count_tokens(["a"])
    await batcher.warm()
    assert await batcher.count_tokens(["a"]) == [1]
    await batcher.stop()
    with pytest.raises(NotServing):
        await batcher.count_tokens(["a"])


async def test_nothing_is_ready_before_the_first_inference(
    embedder: GatedEmbedder, registry: CollectorRegistry
):
    embedder.gate.clear()
    batcher = Batcher(lambda: embedder, EmbedMetrics(registry))
    with pytest.raises(NotServing):
        _ = batcher.info
    warming = asyncio.create_task(batcher.warm())
    await until(lambda: embedder.batches)

    assert not batcher.ready
    with pytest.raises(NotServing):
        await batcher.embed(["early"], QUERY)

    embedder.gate.set()
    await warming
    assert batcher.ready
    assert batcher.info == HashingEmbedder().info
    await batcher.stop()


async def test_a_model_that_does_not_load_leaves_nothing_ready(registry: CollectorRegistry):
    def load() -> GatedEmbedder:
        raise RuntimeError("no such model")

    batcher = Batcher(load, EmbedMetrics(registry))
    with pytest.raises(RuntimeError, match="no such model"):
        await batcher.warm()

    assert not batcher.ready
    await batcher.stop()


async def test_stop_refuses_those_who_wait_and_others_and_the_thread_ends_with_its_batch(
    batcher: Batcher, embedder: GatedEmbedder, registry: CollectorRegistry
):
    running = await busy(batcher, embedder)
    waiting = embedding(batcher, "waiting")
    await until(lambda: sample(registry, "queue_depth") == 1)
    await batcher.stop()

    for refused in (running, waiting, batcher.embed(["late"], DOCUMENT)):
        with pytest.raises(NotServing):
            await refused
    embedder.gate.set()
    await until(lambda: not {thread.name for thread in threading.enumerate()} & embedder.threads)
