"""Memories as callers see them."""

from __future__ import annotations

from agentmemory.v1 import memory_pb2 as pb
from agentmemory.v1 import memory_service_pb2 as service_pb

from memory_service.domain.changes import Cause, Earlier
from memory_service.domain.memory import EventTime, Memory, MemoryType, Precision
from memory_service.domain.owner import OwnerKind
from memory_service.translate import fields, scopes, structs, turns

TYPES = {
    MemoryType.SEMANTIC: pb.MEMORY_TYPE_SEMANTIC,
    MemoryType.EPISODIC: pb.MEMORY_TYPE_EPISODIC,
    MemoryType.MESSAGE: pb.MEMORY_TYPE_MESSAGE,
}
PRECISIONS = {
    Precision.YEAR: pb.TIME_PRECISION_YEAR,
    Precision.MONTH: pb.TIME_PRECISION_MONTH,
    Precision.WEEK: pb.TIME_PRECISION_WEEK,
    Precision.DAY: pb.TIME_PRECISION_DAY,
    Precision.MINUTE: pb.TIME_PRECISION_MINUTE,
}
CAUSES = {
    Cause.UPDATE: service_pb.REVISION_CAUSE_UPDATE,
    Cause.DELETE: service_pb.REVISION_CAUSE_DELETE,
    Cause.MERGE: service_pb.REVISION_CAUSE_MERGE,
    Cause.RESTORE: service_pb.REVISION_CAUSE_RESTORE,
    Cause.SUPERSEDE: service_pb.REVISION_CAUSE_SUPERSEDE,
    Cause.FORGET: service_pb.REVISION_CAUSE_FORGET,
}

_SAME = (
    *("extractor", "pinned", "superseded_by", "supersede_reason", "end_learned", "slot"),
    "untrusted",
)
"""What is called the same in both; like lists and times, most memories do not have it."""

_LISTS = ("topics", "supersedes", "contradicts")

_TIMES = {"valid_from": "valid_from", "valid_to": "valid_to", "superseded": "supersede_time"}


def memory(of: Memory) -> pb.Memory:
    """Return a memory as callers see it."""
    shown = pb.Memory()
    put(shown, of)
    return shown


def put(shown: pb.Memory, of: Memory) -> None:
    """Show a memory in an empty message.

    Most have few of the fields. To name an empty one takes as long as to name any, and a message
    that is made before the one that it is part of is made twice: ten hits took twice the time.
    """
    shown.id = of.id
    shown.text = of.text
    shown.type = TYPES[of.type]
    shown.etag = of.etag
    shown.revision = of.revision
    shown.confidence = of.confidence
    shown.embedding_state = pb.EMBEDDING_STATE_READY if of.embedded else pb.EMBEDDING_STATE_PENDING
    shown.shared = of.owner.kind is OwnerKind.SHARED
    session_id = of.sources[0].session_id if of.sources else ""
    scopes.put(shown.scope, of.owner, session_id)
    _put_times(shown, of)
    _put_origin(shown, of)
    for name in _SAME:
        if value := getattr(of, name):
            setattr(shown, name, value)
    for name in _LISTS:
        if values := getattr(of, name):
            getattr(shown, name).extend(values)
    if of.metadata:
        shown.metadata.CopyFrom(structs.from_json(of.metadata))


def _put_times(shown: pb.Memory, memory: Memory) -> None:
    fields.put_time(shown.create_time, memory.created)
    fields.put_time(shown.update_time, memory.updated)
    fields.put_time(shown.mention_time, memory.first_said)
    fields.put_time(shown.last_mention_time, memory.last_said)
    for name, shown_as in _TIMES.items():
        if (micros := getattr(memory, name)) is not None:
            fields.put_time(getattr(shown, shown_as), micros)
    if memory.event_time:
        _put_event_time(shown.event_time, memory.event_time)


def _put_origin(shown: pb.Memory, memory: Memory) -> None:
    for entity in memory.entities:
        shown.entities.add(name=entity.name, kind=entity.kind)
    for s in memory.sources:
        shown.sources.add(
            session_id=s.session_id, message_id=s.message_id, start=s.start, end=s.end
        )
    if memory.turn:
        turns.put(shown.turn, memory.turn)


def revision(earlier: Earlier) -> service_pb.MemoryRevision:
    """Return an earlier state of a memory; whether it was embedded is not told."""
    shown = memory(earlier.memory)
    shown.ClearField("embedding_state")
    return service_pb.MemoryRevision(
        memory=shown,
        replace_time=fields.timestamp(earlier.replaced),
        cause=CAUSES[earlier.cause],
    )


def event_time(of: EventTime) -> pb.EventTime:
    """Return an event time as callers see it."""
    shown = pb.EventTime()
    _put_event_time(shown, of)
    return shown


def _put_event_time(shown: pb.EventTime, event_time: EventTime) -> None:
    fields.put_time(shown.time, event_time.micros)
    shown.precision = PRECISIONS[event_time.precision]
    shown.time_zone = event_time.zone
