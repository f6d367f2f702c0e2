"""Changes of memories, as a watcher is told of them."""

from __future__ import annotations

from agentmemory.v1 import memory_service_pb2 as pb

from memory_service.domain.changes import ChangeKind
from memory_service.domain.errors import InvalidField
from memory_service.translate import showing
from memory_service.watching import Told

_KINDS = {
    ChangeKind.CREATED: pb.CHANGE_KIND_CREATED,
    ChangeKind.UPDATED: pb.CHANGE_KIND_UPDATED,
    ChangeKind.DELETED: pb.CHANGE_KIND_DELETED,
    ChangeKind.SUPERSEDED: pb.CHANGE_KIND_SUPERSEDED,
}


def after_revision(request: pb.WatchMemoriesRequest) -> int | None:
    """Return the revision after which a watch begins; None for the owner's own, now."""
    if not request.HasField("after_revision"):
        return None
    if request.after_revision < 0:
        raise InvalidField("after_revision", "must not be negative")
    return request.after_revision


def to_proto(told: Told) -> pb.WatchMemoriesResponse:
    """Return a change, or a checkpoint."""
    if told.change is None:
        return pb.WatchMemoriesResponse(revision=told.revision)
    change = pb.MemoryChange(
        kind=_KINDS[told.change.kind],
        memory_id=told.change.memory_id,
        memory=showing.memory(told.memory) if told.memory else None,
    )
    return pb.WatchMemoriesResponse(revision=told.revision, change=change)
