"""What is to be forgotten."""

from __future__ import annotations

from agentmemory.v1 import memory_service_pb2 as pb
from google.protobuf.duration_pb2 import Duration

from memory_service.domain.errors import InvalidField
from memory_service.domain.forgetting import Limits
from memory_service.translate import fields

MAX_SECONDS = 315_576_000_000
"""What a Duration holds by its definition: 10,000 years."""


def limits(request: pb.ForgetMemoriesRequest) -> Limits:
    """Return the limits of the request, of which there must be one."""
    given = Limits(
        max_age=_micros(request.max_age, "max_age") if request.HasField("max_age") else None,
        max_inactivity=(
            _micros(request.max_inactivity, "max_inactivity")
            if request.HasField("max_inactivity")
            else None
        ),
        max_memories=request.max_memories if request.HasField("max_memories") else None,
    )
    if given == Limits():
        raise InvalidField("max_age", "or max_inactivity, or max_memories is required")
    if given.max_memories is not None and given.max_memories < 0:
        raise InvalidField("max_memories", "must be 0 or more")
    return given


def _micros(value: Duration, path: str) -> int:
    micros = fields.duration_micros(value)
    if micros is None or micros <= 0 or value.seconds > MAX_SECONDS:
        raise InvalidField(path, "must be a microsecond or more")
    return micros
