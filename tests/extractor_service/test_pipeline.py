from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from extractor_service.batcher import Batcher, NotServing
from extractor_service.domain import Conversation, Role, Setting, Strategy, Turn
from extractor_service.embed_metrics import EmbedMetrics
from extractor_service.embed_queue import EmbeddingFailed
from extractor_service.embedder import Embedder, Purpose, Vectors
from extractor_service.extraction_metrics import ExtractionMetrics
from extractor_service.finder import RulesFinder, windows
from extractor_service.hashing import HashingEmbedder
from extractor_service.pipeline import Extracted, Pipeline
from extractor_service.worker import RulesFailed, RulesQueueFull, RulesWorker
from tests.support.extractor_server import CONTEXT_TURNS, POISON, FakeRules, turn
from tests.support.waiting import wait_until


class BrokenEmbedder(HashingEmbedder):
    """Fails on texts that hold the marker."""

    def __init__(self, marker: str) -> None:
        super().__init__()
        self.marker = marker

    def encode(self, texts: Sequence[str], purpose: Purpose) -> Vectors:
        if any(self.marker in text for text in texts):
            raise RuntimeError("broken")
        return super().encode(texts, purpose)


@asynccontextmanager
async def warm_pipeline(
    rules: FakeRules, *, embedder: Embedder | None = None, limit: int = 100
) -> AsyncIterator[Pipeline]:
    registry = CollectorRegistry()
    metrics = ExtractionMetrics(registry)
    worker = RulesWorker(rules.ruleset, limit=limit, depth_changed=metrics.rules_queue_depth.set)
    batcher = Batcher(lambda: embedder or HashingEmbedder(), EmbedMetrics(registry))
    pipeline = Pipeline(worker, RulesFinder(worker), batcher, metrics)
    await pipeline.warm()
    try:
        yield pipeline
    finally:
        rules.gate.set()
        await pipeline.stop()


def talk(length: int) -> list[Turn]:
    roles = (Role.USER, Role.ASSISTANT)
    return [turn(f"m{n}", f"I did {n}. I liked {n}", roles[n % 3 == 2]) for n in range(length)]


async def extracted(
    pipeline: Pipeline, messages: Sequence[Turn], context: Sequence[Turn] = ()
) -> tuple[Extracted, ...]:
    conversation = Conversation(tuple(messages), tuple(context))
    return (await pipeline.extract(conversation, Strategy())).memories


def pieces(turns: Sequence[Turn], cuts: set[int]) -> Iterator[tuple[list[Turn], list[Turn]]]:
    """The turns cut up: each piece, and the turns before it that are sent as its context."""
    edges = [0, *sorted(cut for cut in cuts if 0 < cut < len(turns)), len(turns)]
    for start, end in pairwise(edges):
        yield list(turns[start:end]), list(turns[max(0, start - CONTEXT_TURNS) : start])


async def in_pieces(turns: Sequence[Turn], cuts: set[int]) -> list[Extracted]:
    async with warm_pipeline(FakeRules()) as pipeline:
        return [
            found
            for messages, context in pieces(turns, cuts)
            for found in await extracted(pipeline, messages, context)
        ]


@given(st.sets(st.integers(1, 11)))
def test_where_a_conversation_is_cut_changes_nothing(cuts: set[int]) -> None:
    turns = talk(12)
    assert asyncio.run(in_pieces(turns, cuts)) == asyncio.run(in_pieces(turns, set()))


@given(st.integers(0, 6), st.integers(0, 6), st.integers(0, 4))
def test_a_message_is_seen_with_the_turns_right_before_it_and_no_more(
    before: int, new: int, size: int
) -> None:
    turns = talk(before + new)
    conversation = Conversation(tuple(turns[before:]), tuple(turns[:before]))
    tasks = windows(conversation, size, Setting(include_assistant=True))
    assert all(task.setting.include_assistant for task in tasks)
    assert [task.turn for task in tasks] == turns[before:]
    for place, task in enumerate(tasks, start=before):
        assert list(task.context) == turns[:place][-size:] if size else not task.context


async def test_memories_come_in_the_order_of_their_messages_each_with_its_vector() -> None:
    async with warm_pipeline(FakeRules()) as pipeline:
        found = await extracted(pipeline, talk(2))
    assert [item.finding.source.message_id for item in found] == ["m0", "m0", "m1", "m1"]
    expected = HashingEmbedder().encode([i.finding.text for i in found], Purpose.DOCUMENT)
    assert [item.embedding for item in found] == [row.tobytes() for row in expected]


async def test_a_message_on_which_the_rules_fail_is_named() -> None:
    async with warm_pipeline(FakeRules()) as pipeline:
        with pytest.raises(RulesFailed) as caught:
            await extracted(pipeline, [turn("a", "Fine"), turn("b", POISON)])
        assert caught.value.index == 1
        assert POISON not in str(caught.value)
        assert await extracted(pipeline, [turn("a", "Fine")])


async def test_a_full_queue_refuses_the_delta_and_takes_it_later() -> None:
    rules = FakeRules()
    async with warm_pipeline(rules, limit=4) as pipeline:
        rules.gate.clear()
        first = asyncio.create_task(extracted(pipeline, talk(3)))
        await wait_until(lambda: len(rules.seen) == 1, "the rules are at work")
        with pytest.raises(RulesQueueFull):
            await extracted(pipeline, talk(2))
        assert pipeline.busy
        rules.gate.set()
        await first
        assert await extracted(pipeline, talk(2))
        assert not pipeline.busy


async def test_a_delta_longer_than_the_queue_is_taken_while_nothing_waits() -> None:
    async with warm_pipeline(FakeRules(), limit=2) as pipeline:
        assert await extracted(pipeline, talk(5))


async def test_a_cancelled_delta_gives_up_its_place() -> None:
    rules = FakeRules()
    async with warm_pipeline(rules, limit=4) as pipeline:
        rules.gate.clear()
        first = asyncio.create_task(extracted(pipeline, talk(4)))
        await wait_until(lambda: len(rules.seen) == 1, "the rules are at work")
        first.cancel()
        await asyncio.wait([first])
        rules.gate.set()
        assert await extracted(pipeline, talk(4))
        assert rules.seen == ["m0", "m0", "m1", "m2", "m3"]


async def test_a_text_that_alone_cannot_be_embedded_is_the_inputs_fault() -> None:
    async with warm_pipeline(FakeRules(), embedder=BrokenEmbedder("odd")) as pipeline:
        with pytest.raises(EmbeddingFailed):
            await extracted(pipeline, [turn("a", "Something odd")])


async def test_a_model_that_embeds_nothing_any_more_is_not_the_inputs_fault() -> None:
    embedder = BrokenEmbedder("never")
    async with warm_pipeline(FakeRules(), embedder=embedder) as pipeline:
        embedder.marker = ""
        with pytest.raises(NotServing):
            await extracted(pipeline, [turn("a", "Something")])


async def test_while_its_model_embeds_nothing_it_is_not_ready_and_takes_no_calls() -> None:
    embedder, rules = BrokenEmbedder("never"), FakeRules()
    async with warm_pipeline(rules, embedder=embedder) as pipeline:
        embedder.marker = ""
        with pytest.raises(NotServing):
            await pipeline.embed(["a text"], Purpose.QUERY)
        assert not pipeline.ready
        with pytest.raises(NotServing):
            await extracted(pipeline, [turn("a", "Something")])
        embedder.marker = "never"
        with pytest.raises(NotServing):
            await pipeline.embed(["a text"], Purpose.QUERY)
        assert await pipeline.condition.examine()
        assert pipeline.ready
        assert await extracted(pipeline, [turn("a", "Something")])
        assert rules.seen == ["a"]


async def test_a_text_that_cannot_be_embedded_leaves_it_ready() -> None:
    async with warm_pipeline(FakeRules(), embedder=BrokenEmbedder("odd")) as pipeline:
        with pytest.raises(EmbeddingFailed):
            await pipeline.embed(["odd"], Purpose.QUERY)
        assert pipeline.ready


async def test_before_it_is_warm_and_after_it_stopped_nothing_is_taken() -> None:
    registry = CollectorRegistry()
    worker = RulesWorker(FakeRules().ruleset, limit=1, depth_changed=lambda depth: None)
    batcher = Batcher(HashingEmbedder, EmbedMetrics(registry))
    finder = RulesFinder(worker)
    pipeline = Pipeline(worker, finder, batcher, ExtractionMetrics(registry))
    with pytest.raises(NotServing):
        await extracted(pipeline, talk(1))
    await pipeline.warm()
    assert await extracted(pipeline, talk(1))
    await pipeline.stop()
    with pytest.raises(NotServing):
        await extracted(pipeline, talk(1))
