"""What a caller keeps with a session: data, context, and patches of the data."""

from __future__ import annotations

from typing import Any

from agentmemory.v1 import memory_pb2
from agentmemory.v1 import memory_service_pb2 as pb
from google.protobuf.struct_pb2 import Struct

from memory_service.domain.errors import InvalidField
from memory_service.domain.patch import PatchMode, data_text
from memory_service.domain.session import Notes
from memory_service.translate import fields, structs

MAX_CONTEXT = 64 * 1024
MAX_FIRSTS = 1000

_MODES = {
    pb.PATCH_MODE_UNSPECIFIED: PatchMode.MERGE,
    pb.PATCH_MODE_REPLACE: PatchMode.REPLACE,
    pb.PATCH_MODE_MERGE: PatchMode.MERGE,
    pb.PATCH_MODE_DEEP_MERGE: PatchMode.DEEP_MERGE,
}


def notes(session: memory_pb2.Session, path: str, *, stored: bool = False) -> Notes:
    """Return what is to be kept with a session, or was `stored` with one before."""
    context = fields.text(session.context, f"{path}.context", max_bytes=MAX_CONTEXT)
    if not session.HasField("data"):
        return Notes("", context)
    at = f"{path}.data"
    return Notes(data_text(structs.to_object(session.data, at, stored=stored), at), context)


def patch(request: pb.PatchWorkingMemoryDataRequest) -> tuple[dict[str, Any], PatchMode]:
    """Return the patch and its mode."""
    if not request.HasField("data"):
        raise InvalidField("data", "is required")
    if request.mode not in _MODES:
        raise InvalidField("mode", "is unknown")
    value = structs.to_object(request.data, "data")
    data_text(value, "data")
    return value, _MODES[request.mode]


def firsts(request: pb.RetryExtractionRequest) -> list[int]:
    """Return where the failed ranges begin that are to be extracted again."""
    fields.size(request.first_sequences, "first_sequences", most=MAX_FIRSTS)
    return list(request.first_sequences)


def to_struct(data: str) -> Struct | None:
    """Return a session's data as it was given."""
    return structs.from_json(data) if data else None
