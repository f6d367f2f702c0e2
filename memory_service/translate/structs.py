"""Free-form objects, kept as JSON."""

from __future__ import annotations

import json
from typing import Any

from google.protobuf import json_format
from google.protobuf.struct_pb2 import Struct

from memory_service.domain.errors import InvalidField
from memory_service.domain.json_sizes import json_bytes

DEEPEST = 24
"""Levels of an object, each an object or a list, that callers write and are shown."""

_READ = 100 - 4
"""Messages within each other that clients of protobuf read, but for those around an object: at most
those of an exported revision."""


def to_object(value: Struct, path: str, *, stored: bool = False) -> dict[str, Any]:
    """Return an object of at most DEEPEST levels, or one that was `stored` before.

    Once there was no limit but that of protobuf itself.
    """
    try:
        found: dict[str, Any] = json_format.MessageToDict(value)
    except (ValueError, RecursionError, json_format.Error) as error:
        raise InvalidField(path, "cannot be written as JSON") from error
    if too_deep(found) and not stored:
        raise InvalidField(path, f"is nested more than {DEEPEST} deep")
    return found


def to_json(value: Struct, path: str, *, max_bytes: int, stored: bool = False) -> str:
    """Return an object, as `to_object` takes it, as JSON.

    It has at most `max_bytes` as a caller writes it. What is stored is longer, and stays so: it
    tells whether a message is the same as one that is there.
    """
    found = to_object(value, path, stored=stored)
    if json_bytes(found) > max_bytes:
        raise InvalidField(path, f"is longer than {max_bytes} bytes of JSON")
    return json.dumps(found, sort_keys=True, ensure_ascii=False)


def from_json(value: str) -> Struct:
    """Undo `to_json`; nothing of an object that would keep clients from reading the answer."""
    found: dict[str, Any] = json.loads(value)
    return json_format.ParseDict(found if _messages(found) <= _READ else {}, Struct())


def too_deep(value: object, levels: int = DEEPEST) -> bool:
    """Tell whether more than so many objects and lists are within each other; looks no deeper."""
    if not isinstance(value, dict | list):
        return False
    parts = value.values() if isinstance(value, dict) else value
    return levels == 0 or any(too_deep(part, levels - 1) for part in parts)


def _messages(value: object) -> int:
    """Return how many messages of protobuf are within each other: Struct, its entry and Value."""
    match value:
        case dict():
            return 3 + max(map(_messages, value.values()), default=0)
        case list():
            return 2 + max(map(_messages, value), default=0)
        case _:
            return 0
