"""Ranges of numbers."""

from __future__ import annotations

import math

from agentmemory.v1 import memory_pb2 as pb

from memory_service.domain.errors import InvalidField


def bounds(given: pb.NumberRange, path: str) -> tuple[float | None, float | None]:
    """Return the least and the greatest number of a range; at least one must be given."""
    low = given.min if given.HasField("min") else None
    high = given.max if given.HasField("max") else None
    if low is None and high is None:
        raise InvalidField(path, "needs a min or a max")
    for name, value in (("min", low), ("max", high)):
        if value is not None and math.isnan(value):
            raise InvalidField(f"{path}.{name}", "is no number")
    return low, high
