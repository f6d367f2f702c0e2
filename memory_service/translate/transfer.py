"""Exported records, and back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from agentmemory.v1 import memory_pb2
from agentmemory.v1 import memory_service_pb2 as pb

from memory_service.domain.changes import Earlier
from memory_service.domain.errors import InvalidField
from memory_service.domain.failed_ranges import FailedRange, FailedRanges
from memory_service.domain.memory import Memory, Source
from memory_service.domain.owner import Owner, OwnerKind, SessionRef
from memory_service.domain.session import Message, Session, Summary
from memory_service.domain.transfer import DeletedFact, Record, SessionHead, Waiting
from memory_service.domain.waiting import as_memory
from memory_service.translate import (
    fields,
    given,
    memories,
    messages,
    scopes,
    session_data,
    session_options,
    showing,
)

MAX_RECORDS = 1000
MAX_SUMMARY = 32 * 1024 * fields.GUARDED
"""Bytes; the extractor writes at most 32 KiB."""

_DIGEST = 26


def cursor_arguments(owner: Owner) -> bytes:
    """Return what the cursors of an owner's exports are good for."""
    scope = scopes.to_proto(owner).SerializeToString(deterministic=True)
    kind = owner.kind.value.encode()
    return b"\0".join((b"ExportMemories", owner.tenant.encode(), kind, scope))


def to_proto(owner: Owner, record: Record) -> pb.ExportRecord:
    """Return a record of this owner as it is exported."""
    match record:
        case Memory():
            memory = showing.memory(record)
            memory.ClearField("embedding_state")
            return pb.ExportRecord(memory=memory)
        case Earlier():
            return pb.ExportRecord(revision=showing.revision(record))
        case SessionHead():
            return pb.ExportRecord(session=_head_to_proto(record))
        case Message():
            return pb.ExportRecord(message=messages.to_proto(record))
        case DeletedFact(digest):
            return pb.ExportRecord(deleted_fact=digest)
        case Waiting(memory=waiting):
            return pb.ExportRecord(pending_memory=given.to_proto(as_memory(owner, waiting)))


def _head_to_proto(head: SessionHead) -> pb.ExportedSession:
    return pb.ExportedSession(
        session=messages.session_to_proto(head.session, head.notes),
        summary=head.summary.text,
        summarized_through=head.summary.through,
        failed_ranges=[
            messages.failed_range_to_proto(failed) for failed in head.session.failed_ranges
        ],
    )


class RecordReader:
    """Reads the records of one stream, for this owner; remembers what came last."""

    def __init__(self, owner: Owner) -> None:
        self._owner = owner
        self._memory = ""
        self._session = ""

    def records(self, request: pb.ImportMemoriesRequest) -> list[Record]:
        """Return the records of a request; raise InvalidField with the path of the bad one."""
        fields.size(request.records, "records", most=MAX_RECORDS)
        return [self._record(record, f"records[{i}]") for i, record in enumerate(request.records)]

    def _record(self, record: pb.ExportRecord, path: str) -> Record:
        kind = record.WhichOneof("record")
        if kind is None:
            raise InvalidField(path, "is required")
        at = f"{path}.{kind}"
        read: dict[str, Callable[[Any, str], Record]] = {
            "memory": self._read_memory,
            "revision": self._read_revision,
            "session": self._read_session,
            "message": self._read_message,
            "deleted_fact": self._read_deleted_fact,
            "pending_memory": self._read_waiting,
        }
        return read[kind](getattr(record, kind), at)

    def _read_memory(self, memory: memory_pb2.Memory, path: str) -> Memory:
        found = memories.stored_from_proto(memory, path, self._owner)
        self._memory, self._session = found.id, ""
        return found

    def _read_revision(self, revision: pb.MemoryRevision, path: str) -> Earlier:
        if not self._memory:
            raise InvalidField(path, "comes right after its memory")
        if revision.memory.id != self._memory:
            raise InvalidField(f"{path}.memory.id", "must be that of the memory before")
        return memories.earlier_from_proto(revision, path, self._owner)

    def _read_session(self, exported: pb.ExportedSession, path: str) -> SessionHead:
        found = _head_from_proto(exported, path, self._owner)
        self._memory, self._session = "", found.session.ref.session_id
        return found

    def _read_message(self, message: memory_pb2.Message, path: str) -> Message:
        self._needs_session(path)
        return messages.logged_from_proto(message, path)

    def _read_waiting(self, memory: memory_pb2.Memory, path: str) -> Waiting:
        self._needs_session(path)
        new = memories.new_from_proto(memory, path, memories.STORED)
        return Waiting(replace(new, sources=(Source(self._session, ""),)))

    def _needs_session(self, path: str) -> None:
        if not self._session:
            raise InvalidField(path, "comes right after its session")

    def _read_deleted_fact(self, digest: str, path: str) -> DeletedFact:
        if len(digest) != _DIGEST or set(digest) - set("0123456789abcdef"):
            raise InvalidField(path, "is no digest")
        self._memory = self._session = ""
        return DeletedFact(digest)


def _head_from_proto(exported: pb.ExportedSession, path: str, owner: Owner) -> SessionHead:
    session, at = exported.session, f"{path}.session"
    for name in ("create_time", "update_time"):
        if not session.HasField(name):
            raise InvalidField(f"{at}.{name}", "is required")
    tail = fields.count(session.message_count, f"{at}.message_count", least=0, most=2**53)
    cursor = fields.count(session.extracted_through, f"{at}.extracted_through", least=0, most=tail)
    return SessionHead(
        Session(
            ref=_ref(session.scope.session_id, f"{at}.scope.session_id", owner),
            generation=0,
            created=fields.micros(session.create_time, f"{at}.create_time"),
            updated=fields.micros(session.update_time, f"{at}.update_time"),
            version=0,
            tail=tail,
            cursor=cursor,
            failed_ranges=_failed_ranges(exported, f"{path}.failed_ranges", cursor),
            options=session_options.from_proto(session.options, f"{at}.options"),
        ),
        session_data.notes(session, at, stored=True),
        _summary(exported, path, tail),
    )


def _ref(session_id: str, path: str, owner: Owner) -> SessionRef:
    fields.identifier(session_id, path, required=True)
    if owner.kind is OwnerKind.SHARED:
        raise InvalidField(path, "the namespace has no sessions")
    if owner.kind is OwnerKind.SESSION and session_id != owner.id:
        raise InvalidField(path, "a lone session has no other sessions")
    return SessionRef(owner, session_id)


def _summary(exported: pb.ExportedSession, path: str, tail: int) -> Summary:
    through = fields.count(
        exported.summarized_through, f"{path}.summarized_through", least=0, most=tail
    )
    return Summary(fields.text(exported.summary, f"{path}.summary", max_bytes=MAX_SUMMARY), through)


def _failed_ranges(exported: pb.ExportedSession, path: str, cursor: int) -> FailedRanges:
    return tuple(
        _failed_range(failed, f"{path}[{i}]", cursor)
        for i, failed in enumerate(exported.failed_ranges)
    )


def _failed_range(failed: pb.FailedRange, path: str, cursor: int) -> FailedRange:
    first = fields.count(failed.first_sequence, f"{path}.first_sequence", least=1, most=cursor)
    return FailedRange(
        first,
        fields.count(failed.last_sequence, f"{path}.last_sequence", least=first, most=cursor),
        fields.name(failed.reason, f"{path}.reason"),
        fields.micros(failed.fail_time, f"{path}.fail_time"),
        failed.retrying,
    )
