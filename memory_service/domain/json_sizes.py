"""How large an object is to the caller who wrote it, as JSON. Pure."""

from __future__ import annotations

import json

_DIGITS = 1e16
"""From here on numbers are written with an exponent."""


def json_bytes(value: object) -> int:
    """Return the bytes of compact JSON in UTF-8, whole numbers as a caller writes them.

    Protobuf has every number as one with a fraction, which JSON then says: 1.0.
    """
    text = json.dumps(_as_written(value), ensure_ascii=False, separators=(",", ":"))
    return len(text.encode())


def _as_written(value: object) -> object:
    match value:
        case dict():
            return {name: _as_written(each) for name, each in value.items()}
        case list():
            return [_as_written(each) for each in value]
        case float() if value.is_integer() and abs(value) < _DIGITS:
            return int(value)
        case _:
            return value
