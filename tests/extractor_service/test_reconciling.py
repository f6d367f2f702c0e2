"""Reconcile of a served extractor: what it asks of its models, and what their failures become."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from agentmemory.v1 import extractor_service_pb2 as pb
from agentmemory.v1 import memory_pb2
from grpc import StatusCode

from service_kit.errors import read_error
from tests.extractor_service.test_pipeline import BrokenEmbedder
from tests.support.extractor_server import POISON, FakeRules, Served, fails, served
from tests.support.waiting import wait_until


@pytest.fixture
async def extractor() -> AsyncIterator[Served]:
    async with served(FakeRules().ruleset) as running:
        yield running


def item(text: str, *known: str, similarity: float | None = None) -> pb.ReconcileItem:
    return pb.ReconcileItem(
        memory=memory_pb2.Memory(text=text),
        neighbors=[
            pb.Neighbor(memory=memory_pb2.Memory(id=each, text=each), similarity=similarity)
            for each in known
        ],
    )


def request(*items: pb.ReconcileItem) -> pb.ReconcileRequest:
    return pb.ReconcileRequest(items=items)


async def test_calls_and_decisions_are_counted(extractor: Served) -> None:
    await extractor.stub.Reconcile(request(item("A", "A"), item("A"), item("A", "B")))
    assert extractor.metric("extractor_reconciliations_total", outcome="ok") == 1
    assert extractor.metric("extractor_decisions_total", decision="duplicate") == 1
    assert extractor.metric("extractor_decisions_total", decision="add") == 2
    assert extractor.metric("extractor_rules_queue_depth") == 0


async def test_two_times_of_one_day_are_one_day(extractor: Served) -> None:
    asked = item("A", "A", similarity=1)
    for memory, hour in ((asked.memory, 8), (asked.neighbors[0].memory, 21)):
        memory.event_time.precision = memory_pb2.TIME_PRECISION_DAY
        memory.event_time.time_zone = "Europe/Berlin"
        memory.event_time.time.FromJsonString(f"2026-03-29T{hour:02d}:00:00Z")
    answer = await extractor.stub.Reconcile(request(asked))
    assert answer.results[0].decision == pb.RECONCILE_DECISION_DUPLICATE


async def test_nothing_is_embedded_where_all_similarities_are_given() -> None:
    async with served(
        FakeRules().ruleset, load_embedder=lambda: BrokenEmbedder("odd")
    ) as extractor:
        answer = await extractor.stub.Reconcile(request(item("odd", "odd", similarity=1)))
        assert answer.results[0].decision == pb.RECONCILE_DECISION_DUPLICATE


async def test_a_text_that_cannot_be_embedded_is_its_items_fault() -> None:
    async with served(
        FakeRules().ruleset, load_embedder=lambda: BrokenEmbedder("odd")
    ) as extractor:
        error = read_error(
            await fails(extractor.stub.Reconcile(request(item("B", "C"), item("B", "odd"))))
        )
    assert (error.code, error.reason) == (StatusCode.INVALID_ARGUMENT, "EXTRACTION_FAILED")
    assert [violation.field for violation in error.violations] == ["items[1]"]


async def test_a_text_that_breaks_the_rules_is_its_items_fault(extractor: Served) -> None:
    asked = request(item("A", "B"), item(POISON, "B"))
    error = read_error(await fails(extractor.stub.Reconcile(asked)))
    assert (error.code, error.reason) == (StatusCode.INVALID_ARGUMENT, "EXTRACTION_FAILED")
    assert [violation.field for violation in error.violations] == ["items[1]"]
    assert extractor.metric("extractor_reconciliations_total", outcome="failed") == 1


async def test_what_has_no_neighbours_is_not_even_read(extractor: Served) -> None:
    answer = await extractor.stub.Reconcile(request(item(POISON)))
    assert answer.results[0].decision == pb.RECONCILE_DECISION_ADD


async def test_more_than_may_wait_is_refused_at_once() -> None:
    rules = FakeRules()
    async with served(rules.ruleset, rules_queue_messages=2) as extractor:
        rules.gate.clear()
        first = asyncio.ensure_future(extractor.stub.Reconcile(request(item("A", "B"))))

        async def waits() -> bool:
            return extractor.metric("extractor_rules_queue_depth") == 1

        try:
            await wait_until(waits, "a request that waits")
            asked = request(*[item("A", "B")] * 2)
            error = read_error(await fails(extractor.stub.Reconcile(asked)))
        finally:
            rules.gate.set()
        await first
    assert (error.code, error.reason) == (StatusCode.RESOURCE_EXHAUSTED, "OVERLOADED")


async def test_out_of_time_it_gives_up_its_place(extractor: Served) -> None:
    rules = FakeRules()
    async with served(rules.ruleset) as slow:
        rules.gate.clear()
        try:
            call = slow.stub.Reconcile(request(*[item("A", "B")] * 3), timeout=0.1)
            error = read_error(await fails(call))

            async def nothing_waits() -> bool:
                return slow.metric("extractor_rules_queue_depth") == 0

            await wait_until(nothing_waits, "an empty queue")
        finally:
            rules.gate.set()
    assert error.code is StatusCode.DEADLINE_EXCEEDED


async def test_before_the_models_are_warm_it_is_unavailable() -> None:
    hold = FakeRules()
    hold.gate.clear()

    def load() -> object:
        hold.gate.wait(30)
        return hold.ruleset()

    async with served(load, warm=False) as cold:  # type: ignore[arg-type]
        error = read_error(await fails(cold.stub.Reconcile(request(item("A", "B")))))
        hold.gate.set()
    assert (error.code, error.reason) == (StatusCode.UNAVAILABLE, "EXTRACTOR_UNAVAILABLE")
