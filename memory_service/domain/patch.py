"""The JSON object that a caller keeps with a session, and how a patch is laid over it."""

from __future__ import annotations

import enum
import json
from collections.abc import Mapping
from typing import Any, TypeAlias

from memory_service.domain.errors import InvalidField
from memory_service.domain.json_sizes import json_bytes

MAX_DATA = 256 * 1024
"""Bytes of compact JSON, as a caller writes it."""

JsonObject: TypeAlias = "Mapping[str, Any]"


class PatchMode(enum.Enum):
    """How a patch is laid over the data."""

    REPLACE = "replace"
    MERGE = "merge"
    DEEP_MERGE = "deep_merge"


def patched(data: JsonObject, patch: JsonObject, mode: PatchMode) -> dict[str, Any]:
    """Return `data` with `patch` laid over it; neither is changed.

    REPLACE takes the patch as it is. MERGE takes each top-level value of the patch whole; None
    removes the key. DEEP_MERGE is RFC 7396, JSON Merge Patch.
    """
    if mode is PatchMode.REPLACE:
        return dict(patch)
    merged = dict(data)
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        elif mode is PatchMode.DEEP_MERGE and isinstance(value, Mapping):
            below = merged.get(key)
            merged[key] = patched(below if isinstance(below, Mapping) else {}, value, mode)
        else:
            merged[key] = value
    return merged


def data_text(data: JsonObject, path: str) -> str:
    """Return the object as JSON. Raises InvalidField, with the path of `data`, if it is too large.

    The same object gives the same text.
    """
    if json_bytes(data) > MAX_DATA:
        raise InvalidField(path, f"is or would become longer than {MAX_DATA} bytes of JSON")
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
