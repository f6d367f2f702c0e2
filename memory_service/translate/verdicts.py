"""Questions about new facts, and the verdicts on them."""

from __future__ import annotations

from agentmemory.v1 import extractor_service_pb2 as pb
from agentmemory.v1 import memory_pb2

from memory_service.domain.beginnings import beginning
from memory_service.domain.memory import Memory, NewMemory
from memory_service.domain.slot_times import given_begin
from memory_service.domain.verdicts import ADD, Judgement, Question, Verdict
from memory_service.translate import fields, showing

MAX_REASON = 256

_JUDGEMENTS = {
    pb.RECONCILE_DECISION_DUPLICATE: Judgement.DUPLICATE,
    pb.RECONCILE_DECISION_UPDATE: Judgement.UPDATE,
    pb.RECONCILE_DECISION_SUPERSEDE: Judgement.SUPERSEDE,
    pb.RECONCILE_DECISION_SUPERSEDED: Judgement.SUPERSEDED,
    pb.RECONCILE_DECISION_CONTRADICT: Judgement.CONTRADICT,
}


def to_proto(question: Question) -> pb.ReconcileItem:
    """Return a question: of each fact what it says, of whom, and when that was and was said."""
    new = question.new
    return pb.ReconcileItem(
        memory=_fact(new, new.mentioned, new.mentioned),
        neighbors=[
            pb.Neighbor(
                memory=_known(neighbor.memory),
                # A cosine of float32 may be a little more than 1.
                similarity=None if neighbor.similarity is None else min(neighbor.similarity, 1.0),
            )
            for neighbor in question.neighbors
        ],
    )


def from_proto(result: pb.ReconcileResult) -> Verdict:
    """Return a verdict; one of a kind that is not known makes the fact a new one."""
    judgement = _JUDGEMENTS.get(result.decision)
    if judgement is None:
        return ADD
    return Verdict(judgement, tuple(result.memory_ids), result.reason[:MAX_REASON])


def _known(known: Memory) -> memory_pb2.Memory:
    shown, begun = _fact(known, known.first_said, known.last_said), given_begin(known)
    if begun is not None:
        shown.valid_from.CopyFrom(fields.timestamp(begun))
    return shown


def _fact(fact: Memory | NewMemory, first: int | None, last: int | None) -> memory_pb2.Memory:
    return memory_pb2.Memory(
        id=fact.id,
        text=beginning(fact.text),
        type=showing.TYPES[fact.type],
        topics=fact.topics,
        entities=[memory_pb2.Entity(name=e.name, kind=e.kind) for e in fact.entities],
        event_time=showing.event_time(fact.event_time) if fact.event_time else None,
        slot=fact.slot,
        mention_time=None if first is None else fields.timestamp(first),
        last_mention_time=None if last is None else fields.timestamp(last),
    )
