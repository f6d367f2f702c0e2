"""Which memories count: those that are current, or those of an earlier time."""

from __future__ import annotations

from typing import Literal

from agentmemory.v1 import memory_pb2 as pb
from agentmemory.v1 import memory_service_pb2 as service_pb

from memory_service.domain.errors import InvalidField
from memory_service.domain.search import View
from memory_service.translate import fields


def from_proto(
    given: pb.SearchOptions | service_pb.ListMemoriesRequest, prefix: str, *, now: int
) -> View:
    """Return the view that options ask for; their fields' paths begin with `prefix`."""
    if not given.HasField("as_of"):
        return View() if given.include_superseded else View(current=now)
    known = _time(given.as_of, "record_time", prefix)
    true = _time(given.as_of, "valid_time", prefix)
    if known is None and true is None:
        raise InvalidField(f"{prefix}as_of", "needs a valid_time or a record_time")
    if true is None:
        return View(known=known) if given.include_superseded else View(known=known, current=known)
    if given.include_superseded:
        raise InvalidField(f"{prefix}include_superseded", "goes not with as_of.valid_time")
    return View(known=known, true=true)


def _time(as_of: pb.AsOf, name: Literal["record_time", "valid_time"], prefix: str) -> int | None:
    if not as_of.HasField(name):
        return None
    return fields.micros(getattr(as_of, name), f"{prefix}as_of.{name}")
