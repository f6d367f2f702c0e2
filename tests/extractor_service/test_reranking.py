from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Sequence

import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from extractor_service.batcher import NotServing
from extractor_service.embed_queue import QueueFull
from extractor_service.embedder import ModelInfo
from extractor_service.rerank_errors import RerankFailed, TooLate
from extractor_service.rerank_metrics import RerankMetrics
from extractor_service.reranker import Pair, Scores
from extractor_service.reranking import Reranking
from tests.support.waiting import wait_until

FOREVER = 3600.0


class GatedReranker:
    """The longer the text the better; notes each batch, and runs none while its gate is closed."""

    info = ModelInfo("gated", "1", 0, 64, "cpu", "float32")

    def __init__(self) -> None:
        self.batches: list[list[Pair]] = []
        self.threads: set[str] = set()
        self.broken: set[str] = set()
        self.gate = threading.Event()
        self.gate.set()

    def scores(self, pairs: Sequence[Pair]) -> Scores:
        self.batches.append(list(pairs))
        self.threads.add(threading.current_thread().name)
        assert self.gate.wait(30)
        if self.broken & {text for _, text in pairs}:
            raise RuntimeError("the model does not like this")
        return np.array([len(text) / 1000 for _, text in pairs])


@pytest.fixture
def reranker() -> GatedReranker:
    return GatedReranker()


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
async def reranking(
    reranker: GatedReranker, registry: CollectorRegistry
) -> AsyncIterator[Reranking]:
    made = Reranking(lambda: reranker, RerankMetrics(registry), token_budget=100, queue_limit=6)
    await made.warm()
    reranker.batches.clear()
    yield made
    reranker.gate.set()
    made.stop()


def scoring(
    reranking: Reranking, query: str, *texts: str, seconds: float = FOREVER
) -> asyncio.Task[list[float]]:
    deadline = asyncio.get_running_loop().time() + seconds
    return asyncio.create_task(reranking.scores(query, texts, deadline))


async def busy(reranking: Reranking, reranker: GatedReranker) -> asyncio.Task[list[float]]:
    """Close the gate with one batch inside."""
    reranker.gate.clear()
    task = scoring(reranking, "busy", "x")
    await wait_until(lambda: reranker.batches == [[("busy", "x")]], "the batch runs")
    return task


def sample(registry: CollectorRegistry, name: str, **labels: str) -> float:
    return registry.get_sample_value(f"extractor_{name}", labels) or 0.0


async def queued(registry: CollectorRegistry, texts: int) -> None:
    await wait_until(lambda: sample(registry, "rerank_queue_depth") == texts, f"{texts} wait")


def slow(reranking: Reranking) -> None:
    """Make a token seem to take a second."""
    for _ in range(50):
        reranking._pace.measured(1000, 1000.0)


async def test_scores_come_back_in_the_order_of_the_texts_whatever_the_batches(
    reranking: Reranking, reranker: GatedReranker
):
    texts = ["x" * (i * 37 % 200 + 1) for i in range(50)]

    assert await reranking.scores("q", texts) == [len(text) / 1000 for text in texts]
    assert len(reranker.batches) > 5
    assert {name.split("_")[0] for name in reranker.threads} == {"reranker"}
    assert len(reranker.threads) == 1


async def test_calls_are_served_one_after_the_other(
    reranking: Reranking, reranker: GatedReranker, registry: CollectorRegistry
):
    first = await busy(reranking, reranker)
    second = scoring(reranking, "second", "x" * 200, "y" * 200)
    await queued(registry, 3)
    third = scoring(reranking, "third", "z")
    await queued(registry, 4)
    reranker.gate.set()
    await asyncio.gather(first, second, third)

    asked = [pairs[0][0] for pairs in reranker.batches]
    assert asked == ["busy", "second", "second", "third"]
    assert sample(registry, "rerank_queue_depth") == 0
    assert sample(registry, "reranks_total", outcome="ok") == 3


async def test_a_call_that_cannot_be_answered_in_time_is_refused_before_it_waits(
    reranking: Reranking, reranker: GatedReranker, registry: CollectorRegistry
):
    slow(reranking)

    with pytest.raises(TooLate):
        await scoring(reranking, "q", "x" * 40, seconds=5)

    assert reranker.batches == []
    assert sample(registry, "reranks_total", outcome="late") == 1
    assert sample(registry, "rerank_queue_depth") == 0


async def test_what_waits_before_a_call_counts_for_its_deadline(
    reranking: Reranking, reranker: GatedReranker, registry: CollectorRegistry
):
    first = await busy(reranking, reranker)
    slow(reranking)
    second = scoring(reranking, "second", "x" * 400)  # 64 tokens, 64 s
    await queued(registry, 2)

    with pytest.raises(TooLate):
        await scoring(reranking, "third", "x" * 40, seconds=60)

    reranker.gate.set()
    await asyncio.gather(first, second)
    assert [pairs[0][0] for pairs in reranker.batches] == ["busy", "second"]


async def test_a_call_whose_time_has_run_out_while_it_waited_is_not_begun(
    reranking: Reranking, reranker: GatedReranker, registry: CollectorRegistry
):
    first = await busy(reranking, reranker)
    second = scoring(reranking, "second", "x" * 40, seconds=5)
    await queued(registry, 2)
    slow(reranking)
    reranker.gate.set()

    with pytest.raises(TooLate):
        await second
    await first
    assert [pairs[0][0] for pairs in reranker.batches] == ["busy"]


async def test_a_call_that_turns_out_too_slow_is_left_after_the_batch_that_shows_it(
    reranking: Reranking, reranker: GatedReranker, registry: CollectorRegistry
):
    reranker.gate.clear()
    task = scoring(reranking, "q", "x" * 300, "y" * 300, "z" * 300, seconds=60)
    await wait_until(lambda: len(reranker.batches) == 1, "the first batch runs")
    slow(reranking)
    reranker.gate.set()

    with pytest.raises(TooLate):
        await task
    assert len(reranker.batches) == 1
    assert sample(registry, "rerank_queue_depth") == 0


async def test_after_one_slow_moment_calls_are_tried_again(
    reranking: Reranking, reranker: GatedReranker
):
    slow(reranking)
    refused = 0
    async with asyncio.timeout(30):
        while not reranker.batches:
            try:
                await scoring(reranking, "q", "x" * 40, seconds=5)
            except TooLate:
                refused += 1

    assert refused > 5


async def test_a_full_queue_refuses_at_once_and_keeps_those_who_wait(
    reranking: Reranking, reranker: GatedReranker, registry: CollectorRegistry
):
    first = await busy(reranking, reranker)
    waiting = scoring(reranking, "q", *"abcde")
    await queued(registry, 6)

    with pytest.raises(QueueFull):
        await reranking.scores("q", ["f"])

    reranker.gate.set()
    assert await waiting == [0.001] * 5
    await first
    assert sample(registry, "reranks_total", outcome="overloaded") == 1


async def test_a_call_longer_than_the_queue_is_taken_while_nothing_waits(reranking: Reranking):
    assert await reranking.scores("q", ["x"] * 100) == [0.001] * 100


async def test_the_texts_of_a_caller_who_left_are_not_read(
    reranking: Reranking, reranker: GatedReranker, registry: CollectorRegistry
):
    first = await busy(reranking, reranker)
    leaving, staying = scoring(reranking, "gone", "a", "b"), scoring(reranking, "stays", "c")
    await queued(registry, 4)
    leaving.cancel()
    await queued(registry, 2)
    reranker.gate.set()
    await asyncio.gather(first, staying)

    assert [pairs[0][0] for pairs in reranker.batches] == ["busy", "stays"]
    assert sample(registry, "reranks_total", outcome="cancelled") == 1


async def test_a_caller_who_leaves_during_its_batch_disturbs_nobody(
    reranking: Reranking, reranker: GatedReranker, registry: CollectorRegistry
):
    first = await busy(reranking, reranker)
    first.cancel()
    await queued(registry, 0)
    reranker.gate.set()

    assert await reranking.scores("next", ["ab"]) == [0.002]


async def test_a_text_that_the_model_fails_on_fails_its_own_call_alone(
    reranking: Reranking, reranker: GatedReranker, registry: CollectorRegistry
):
    reranker.broken = {"bad"}

    with pytest.raises(RerankFailed) as failure:
        await reranking.scores("q", ["a", "b", "bad", "c"])

    assert failure.value.index == 2
    assert "like" not in str(failure.value)
    assert await reranking.scores("q", ["a", "b"]) == [0.001, 0.001]
    assert reranking.ready
    assert sample(registry, "reranks_total", outcome="failed") == 1


async def test_a_model_that_scores_nothing_any_more_is_not_the_inputs_fault(
    reranking: Reranking,
    reranker: GatedReranker,
    registry: CollectorRegistry,
    monkeypatch: pytest.MonkeyPatch,
):
    def lost(_: Sequence[Pair]) -> Scores:
        raise RuntimeError("the GPU is lost")

    monkeypatch.setattr(reranker, "scores", lost)
    with pytest.raises(NotServing):
        await reranking.scores("q", ["a", "b"])
    assert not reranking.ready
    assert sample(registry, "reranks_total", outcome="unavailable") == 1

    monkeypatch.undo()
    with pytest.raises(NotServing):
        await reranking.scores("q", ["a", "b"])
    assert reranker.batches == []
    assert await reranking.condition.examine()
    assert reranking.ready
    assert await reranking.scores("q", ["a", "b"]) == [0.001, 0.001]


async def test_a_batch_that_fails_as_a_whole_is_read_text_by_text(
    reranking: Reranking, reranker: GatedReranker, monkeypatch: pytest.MonkeyPatch
):
    read = reranker.scores

    def no_batches(pairs: Sequence[Pair]) -> Scores:
        if len(pairs) > 1:
            raise MemoryError
        return read(pairs)

    monkeypatch.setattr(reranker, "scores", no_batches)
    assert await reranking.scores("q", ["a", "bb", "ccc"]) == [0.001, 0.002, 0.003]


@pytest.mark.parametrize(
    "rows", [np.array([np.nan]), np.ones(2), np.ones((1, 1))], ids=["nan", "number", "shape"]
)
async def test_what_is_not_one_finite_score_per_pair_is_a_failure(
    reranking: Reranking, reranker: GatedReranker, monkeypatch: pytest.MonkeyPatch, rows: Scores
):
    read = reranker.scores
    monkeypatch.setattr(
        reranker, "scores", lambda pairs: rows if pairs[0][1] == "text" else read(pairs)
    )

    with pytest.raises(RerankFailed):
        await reranking.scores("q", ["text"])


async def test_it_measures_what_it_does(
    reranking: Reranking, reranker: GatedReranker, registry: CollectorRegistry
):
    before = {
        name: sample(registry, f"rerank_{name}")
        for name in ("batch_size_sum", "batch_tokens_sum", "inference_seconds_count")
    }
    await reranking.scores("q" * 8, ["x" * 8, "y" * 8])  # 4 tokens each

    assert sample(registry, "rerank_batch_size_sum") - before["batch_size_sum"] == 2
    assert sample(registry, "rerank_batch_tokens_sum") - before["batch_tokens_sum"] == 2 * 8
    assert (
        sample(registry, "rerank_inference_seconds_count") - before["inference_seconds_count"] == 1
    )
    assert sample(registry, "rerank_queue_seconds_count") == 1
    assert sample(registry, "rerank_seconds_count") == 1


async def test_it_serves_neither_before_it_is_warm_nor_after_it_stops(
    reranker: GatedReranker, registry: CollectorRegistry
):
    made = Reranking(lambda: reranker, RerankMetrics(registry))
    assert not made.ready
    with pytest.raises(NotServing):
        await made.scores("q", ["a"])
    await made.warm()
    assert made.ready
    assert made.info == reranker.info
    made.stop()
    assert not made.ready
    with pytest.raises(NotServing):
        await made.scores("q", ["a"])


async def test_those_who_wait_when_it_stops_are_told_to_go_elsewhere(
    reranker: GatedReranker, registry: CollectorRegistry
):
    made = Reranking(lambda: reranker, RerankMetrics(registry))
    await made.warm()
    reranker.batches.clear()
    first = await busy(made, reranker)
    waiting = scoring(made, "q", "a")
    await queued(registry, 2)
    made.stop()
    reranker.gate.set()

    assert await first == [0.001]
    with pytest.raises(NotServing):
        await waiting


async def test_a_model_that_cannot_be_loaded_is_told_to_who_warms_it(registry: CollectorRegistry):
    def load() -> GatedReranker:
        raise OSError("no such file")

    made = Reranking(load, RerankMetrics(registry))
    with pytest.raises(OSError, match="no such file"):
        await made.warm()
    assert not made.ready
    made.stop()
