"""Values of TAG fields, encoded so that the engine neither loses, folds nor splits any.

The engine trims white space, drops empty values, NUL and what is very long, and cuts at the
separator. Percent-encoding leaves only letters, digits and `_.-~%`, and no two values the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from urllib.parse import quote

SEPARATOR = ","
"""Never part of an encoded value."""

MAX_TAG = 256
"""Longer encoded values are hashed."""

EMPTY = "%"
"""Stands for the empty string: percent-encoding always writes two digits after a `%`."""

HASHED = "%%"
"""Begins a hashed value."""


def encode_tag(value: str) -> str:
    """Return what the index holds for `value`; equal only for equal values."""
    encoded = quote(value, safe="")
    if len(encoded) > MAX_TAG:
        return HASHED + hashlib.blake2b(value.encode(), digest_size=16).hexdigest()
    return encoded or EMPTY


def join_tags(values: Iterable[str]) -> str:
    """Return the content of a TAG field that has all of `values`."""
    return SEPARATOR.join(dict.fromkeys(encode_tag(value) for value in values))
