from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import grpc
import pytest
from agentmemory.v1 import extractor_service_pb2 as pb
from agentmemory.v1 import memory_pb2
from agentmemory.v1.extractor_service_pb2_grpc import ExtractorServiceStub
from google.protobuf.timestamp_pb2 import Timestamp

from extractor_service.translate_facts import from_reconcile
from memory_service.domain.errors import ExtractorUnavailable
from memory_service.domain.memory import Entity, EventTime, MemoryType, NewMemory, Precision
from memory_service.domain.verdicts import ADD, Judgement, Neighbor, Question, Verdict
from memory_service.reconciler import RemoteReconciler
from service_kit.errors import ServiceError
from tests.support.extractor_peer import ExtractorServer, serving, stub_of
from tests.support.memories import make

FACT = NewMemory(
    "new",
    "Alice moved to Berlin.",
    MemoryType.EPISODIC,
    topics=("home",),
    entities=(Entity("Berlin", "place"),),
    event_time=EventTime(1_000_000, Precision.DAY),
    slot="alice|home",
    mentioned=2_000_000,
)
KNOWN = replace(make("known", "Alice lives in Paris."), mentioned=5, mentioned_again=3_000_000)
QUESTION = Question(FACT, (Neighbor(KNOWN, 1.0000001), Neighbor(make("far", "Tea."), None)))


@pytest.fixture
def server() -> ExtractorServer:
    return ExtractorServer()


@pytest.fixture
async def stub(tmp_path: Path, server: ExtractorServer) -> AsyncIterator[ExtractorServiceStub]:
    async with serving(tmp_path / "s", server), stub_of(tmp_path / "s") as stub:
        yield stub


@pytest.fixture
def reconciler(stub: ExtractorServiceStub) -> RemoteReconciler:
    return RemoteReconciler(stub, timeout=10)


def failing(code: grpc.StatusCode):
    def fail(_: pb.ReconcileRequest) -> list[pb.ReconcileResult]:
        raise ServiceError(code, "REASON", "told to")

    return fail


def result(decision: int, *ids: str, reason: str = "") -> pb.ReconcileResult:
    return pb.ReconcileResult(decision=decision, memory_ids=ids, reason=reason)


async def test_facts_are_sent_with_what_they_say_and_when_they_were_said(
    server: ExtractorServer, reconciler: RemoteReconciler
):
    server.reconcile = lambda _: [result(pb.RECONCILE_DECISION_ADD)]
    assert await reconciler.judge([QUESTION]) == [ADD]
    ((item,),) = [request.items for request in server.reconciled]
    assert item.memory == memory_pb2.Memory(
        id="new",
        text="Alice moved to Berlin.",
        type=memory_pb2.MEMORY_TYPE_EPISODIC,
        topics=["home"],
        entities=[memory_pb2.Entity(name="Berlin", kind="place")],
        event_time=memory_pb2.EventTime(
            time=Timestamp(seconds=1), precision=memory_pb2.TIME_PRECISION_DAY
        ),
        slot="alice|home",
        mention_time=Timestamp(seconds=2),
        last_mention_time=Timestamp(seconds=2),
    )
    near, far = item.neighbors
    # When a known one was said last tells whether it is newer.
    assert (near.memory.id, near.memory.mention_time) == ("known", Timestamp(nanos=5_000))
    assert near.memory.last_mention_time == Timestamp(seconds=3)
    assert (near.similarity, far.HasField("similarity")) == (1.0, False)


@pytest.mark.parametrize(("valid_from", "sent"), [(None, False), (5, False), (4, True)])
async def test_since_when_a_known_fact_is_true_is_sent_unless_it_was_learned(
    server: ExtractorServer, reconciler: RemoteReconciler, valid_from: int | None, sent: bool
):
    server.reconcile = lambda _: [result(pb.RECONCILE_DECISION_ADD)]
    known = Neighbor(replace(KNOWN, valid_from=valid_from), 0.9)
    await reconciler.judge([Question(FACT, (known,))])
    ((item,),) = [request.items for request in server.reconciled]
    (near,) = item.neighbors
    assert near.memory.HasField("valid_from") == sent
    assert near.memory.valid_from == (Timestamp(nanos=4_000) if sent else Timestamp())


async def test_a_fact_longer_than_the_extractor_takes_is_judged_by_its_beginning(
    server: ExtractorServer, reconciler: RemoteReconciler
):
    def judge(request: pb.ReconcileRequest) -> list[pb.ReconcileResult]:
        return [result(pb.RECONCILE_DECISION_DUPLICATE, "known") for _ in from_reconcile(request)]

    server.reconcile = judge
    long = Neighbor(replace(KNOWN, text="x" * 256 * 1024), 0.5)
    (verdict,) = await reconciler.judge([Question(FACT, (long,))])
    assert verdict == Verdict(Judgement.DUPLICATE, ("known",))


async def test_verdicts_come_in_the_order_of_the_questions(
    server: ExtractorServer, reconciler: RemoteReconciler
):
    server.reconcile = lambda _: [
        result(pb.RECONCILE_DECISION_SUPERSEDE, "a", "b", reason="x" * 300),
        result(pb.RECONCILE_DECISION_DUPLICATE, "a"),
        result(pb.RECONCILE_DECISION_UPDATE, "a"),
        result(pb.RECONCILE_DECISION_SUPERSEDED, "a"),
        result(pb.RECONCILE_DECISION_CONTRADICT, "a"),
        result(pb.RECONCILE_DECISION_UNSPECIFIED, "a"),
    ]
    assert await reconciler.judge([QUESTION] * 6) == [
        Verdict(Judgement.SUPERSEDE, ("a", "b"), "x" * 256),
        *(
            Verdict(kind, ("a",))
            for kind in (
                Judgement.DUPLICATE,
                Judgement.UPDATE,
                Judgement.SUPERSEDED,
                Judgement.CONTRADICT,
            )
        ),
        ADD,
    ]


@pytest.mark.parametrize(
    "code",
    [
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.INTERNAL,
    ],
)
async def test_while_the_extractor_is_away_facts_wait(
    server: ExtractorServer, reconciler: RemoteReconciler, code: grpc.StatusCode
):
    server.reconcile = failing(code)
    with pytest.raises(ExtractorUnavailable):
        await reconciler.judge([QUESTION])


@pytest.mark.parametrize("code", [grpc.StatusCode.UNIMPLEMENTED, grpc.StatusCode.INVALID_ARGUMENT])
async def test_what_cannot_be_judged_is_new_and_that_is_said_once(
    server: ExtractorServer,
    reconciler: RemoteReconciler,
    code: grpc.StatusCode,
    caplog: pytest.LogCaptureFixture,
):
    server.reconcile = failing(code)
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            assert await reconciler.judge([QUESTION] * 2) == [ADD, ADD]
        assert len(caplog.records) == 1
        server.reconcile = lambda _: [result(pb.RECONCILE_DECISION_ADD)]
        await reconciler.judge([QUESTION])
    assert [record.getMessage() for record in caplog.records] == [
        "reconciling possible: False",
        "reconciling possible: True",
    ]
    assert FACT.text not in caplog.text


async def test_an_answer_of_another_length_says_nothing(
    server: ExtractorServer, reconciler: RemoteReconciler
):
    server.reconcile = lambda _: [result(pb.RECONCILE_DECISION_DUPLICATE, "known")]
    assert await reconciler.judge([QUESTION] * 2) == [ADD, ADD]
