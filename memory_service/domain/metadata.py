"""What a filter can name of a memory's metadata: the scalars in it, each with the way to it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

MAX_LEAVES = 64
"""How many scalars of a memory's metadata filters see, the first in the order of their keys."""

Scalar = str | bool | float | None


@dataclass(frozen=True, slots=True)
class Leaf:
    """A scalar, and the names of the objects' members that lead to it."""

    path: tuple[str, ...]
    value: Scalar


def leaves(metadata: str) -> list[Leaf]:
    """Return the first scalars of a JSON object; of none if `metadata` is empty."""
    return list(islice(_leaves((), json.loads(metadata)), MAX_LEAVES)) if metadata else []


def _leaves(path: tuple[str, ...], value: Any) -> Iterator[Leaf]:
    """Yield what is in `value`, members by name; a list's items stand where the list does."""
    if isinstance(value, dict):
        for name in sorted(value):
            yield from _leaves((*path, name), value[name])
    elif isinstance(value, list):
        for item in value:
            yield from _leaves(path, item)
    elif isinstance(value, int) and not isinstance(value, bool):
        yield Leaf(path, float(value))
    else:
        yield Leaf(path, value)
