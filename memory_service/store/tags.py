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

YES = "1"
"""The one value of a tag that a memory has or has not."""

NEVER = "!"
"""No memory has it in any field."""

ENDED = "end"
"""Beside YES for a superseded memory: how long it was true became known with that."""


def encode_tag(value: str) -> str:
    """Return what the index holds for `value`; equal only for equal values."""
    encoded = quote(value, safe="")
    return hashed(value) if len(encoded) > MAX_TAG else encoded or EMPTY


def hashed(value: str) -> str:
    """Return a short tag for `value`, however long: 34 characters, equal only for equal values."""
    return HASHED + hashlib.blake2b(value.encode(), digest_size=16).hexdigest()


def join_tags(values: Iterable[str]) -> str:
    """Return the content of a TAG field that has all of `values`."""
    return joined(encode_tag(value) for value in values)


def joined(tags: Iterable[str]) -> str:
    """Return the content of a TAG field that has all of these tags, which are encoded already."""
    return SEPARATOR.join(dict.fromkeys(tags))
