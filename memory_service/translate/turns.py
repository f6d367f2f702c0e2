"""Where a message that became a memory stands in its session."""

from __future__ import annotations

from agentmemory.v1 import memory_pb2 as pb

from memory_service.domain.conversation import BEFORE
from memory_service.domain.errors import InvalidField
from memory_service.domain.memory import Turn
from memory_service.translate import fields, messages

MAX_SPEAKER = fields.MAX_NAME * fields.GUARDED
MAX_PRECEDING = BEFORE * fields.GUARDED


def put(shown: pb.Turn, turn: Turn) -> None:
    """Put a turn where callers see it."""
    shown.sequence = turn.sequence
    shown.role = messages.role_to_proto(turn.role)
    shown.speaker = turn.speaker
    shown.preceding_text = turn.preceding


def of_stored(memory: pb.Memory, path: str) -> Turn | None:
    """Return the turn of a memory that was stored before: messages have one, others do not."""
    message = memory.type == pb.MEMORY_TYPE_MESSAGE
    if memory.HasField("turn") != message:
        raise InvalidField(path, "is required of a MESSAGE" if message else "goes with MESSAGE")
    if not message:
        return None
    if memory.turn.sequence < 1:
        raise InvalidField(f"{path}.sequence", "must be 1 or more")
    return Turn(
        memory.turn.sequence,
        messages.role_from_proto(memory.turn.role, f"{path}.role"),
        fields.name(memory.turn.speaker, f"{path}.speaker", most=MAX_SPEAKER),
        fields.text(memory.turn.preceding_text, f"{path}.preceding_text", max_bytes=MAX_PRECEDING),
    )
