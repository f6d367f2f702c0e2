"""Free-form objects, kept as JSON."""

from __future__ import annotations

from google.protobuf import json_format
from google.protobuf.struct_pb2 import Struct

from memory_service.domain.errors import InvalidField
from memory_service.translate import fields


def to_json(value: Struct, path: str, *, max_bytes: int) -> str:
    """Return an object as JSON of at most `max_bytes`."""
    try:
        found = json_format.MessageToJson(value, indent=None, sort_keys=True, ensure_ascii=False)
    except (ValueError, RecursionError, json_format.Error) as error:
        raise InvalidField(path, "cannot be written as JSON") from error
    return fields.text(found, path, max_bytes=max_bytes)


def from_json(value: str) -> Struct:
    """Undo `to_json`."""
    return json_format.Parse(value, Struct())
