"""Memories that callers put into a session, on their way in and while they wait."""

from __future__ import annotations

from collections.abc import Sequence

from agentmemory.v1 import memory_pb2 as pb

from memory_service.domain.errors import InvalidField
from memory_service.domain.memory import Memory, NewMemory
from memory_service.translate import memories, showing


def from_protos(given: Sequence[pb.Memory]) -> list[NewMemory]:
    """Return what a caller puts into a session; there may be nothing."""
    for i, memory in enumerate(given):
        if memory.supersedes:
            raise InvalidField(f"memories[{i}].supersedes", "is not taken in a session")
    return memories.from_protos(given) if given else []


def to_proto(waiting: Memory) -> pb.Memory:
    """Return a memory that is not stored yet; what the store gives is unset."""
    found = showing.memory(waiting)
    found.ClearField("create_time")
    found.ClearField("update_time")
    found.ClearField("etag")
    found.ClearField("revision")
    found.ClearField("embedding_state")
    found.ClearField("mention_time")
    found.ClearField("last_mention_time")
    return found
