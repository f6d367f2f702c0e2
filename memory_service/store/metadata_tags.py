"""Metadata as tags: what is there, its strings and booleans, and its numbers so that they sort.

All of them stand in one TAG field. A number is sixteen hexadecimal digits that sort like the
number, and each run of first digits is a tag: a range of numbers is then a union of few tags, exact
and without limit on the number of different keys.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable, Iterator

from memory_service.domain.filters import (
    MetadataAnyOf,
    MetadataCondition,
    MetadataHas,
    MetadataIs,
    MetadataRange,
)
from memory_service.domain.metadata import Leaf
from memory_service.store.tags import NEVER, encode_tag, hashed

FIELD = "meta"
"""The name in the index."""

LONGEST_KEY = 32
"""Longer keys are hashed: a number's key stands in up to seventeen tags."""

DIGITS = 16
_JOINT = "/"
"""Between the names of a key; encoded names have none."""

_END = "$"
"""After the digits of a number: all that follow are zeros."""


def metadata_tags(leaves: Iterable[Leaf]) -> Iterator[str]:
    """Yield the tags of a memory with these scalars, some of them more than once."""
    for leaf in leaves:
        for length in range(1, len(leaf.path) + 1):
            yield key(leaf.path[:length])
        if isinstance(leaf.value, bool):
            yield boolean(leaf.path, leaf.value)
        elif isinstance(leaf.value, str):
            yield string(leaf.path, leaf.value)
        elif isinstance(leaf.value, float):
            yield from _number(leaf.path, leaf.value)


def wanted(condition: MetadataCondition) -> list[str]:
    """Return tags one of which each memory has whose metadata is as the condition says."""
    match condition:
        case MetadataHas(path):
            return [key(path)]
        case MetadataAnyOf(path, values):
            return [string(path, value) for value in values]
        case MetadataIs(path, truth):
            return [boolean(path, truth)]
        case MetadataRange(path, low, high):
            return numbers(path, low, high)


def key(path: tuple[str, ...]) -> str:
    """Return the tag of memories that have a value at `path`, or below it."""
    joined = _JOINT.join(encode_tag(name) for name in path)
    return hashed(joined) if len(joined) > LONGEST_KEY else joined


def string(path: tuple[str, ...], value: str) -> str:
    """Return the tag of memories that have this string at `path`."""
    return f"{key(path)}={encode_tag(value)}"


def boolean(path: tuple[str, ...], value: bool) -> str:
    """Return the tag of memories that have this boolean at `path`."""
    return f"{key(path)}!{value:d}"


def numbers(path: tuple[str, ...], low: float | None, high: float | None) -> list[str]:
    """Return tags one of which each memory has that has a number from `low` to `high` at `path`.

    At most 500. A missing bound is open.
    """
    first = _sortable(-math.inf if low is None else low)
    last = _sortable(math.inf if high is None else high)
    named = key(path)
    tags = dict.fromkeys(
        f"{named}#{ending}" for digits in _covering(first, last) for ending in _endings(digits)
    )
    return list(tags) or [NEVER]


def _number(path: tuple[str, ...], value: float) -> Iterator[str]:
    """Yield a tag for each run of a number's first digits, up to its last that is not zero."""
    digits = f"{_sortable(value):016x}".rstrip("0")
    named = key(path)
    for length in range(1, len(digits) + 1):
        yield f"{named}#{digits[:length]}"
    if len(digits) < DIGITS:
        yield f"{named}#{digits}{_END}"


def _sortable(value: float) -> int:
    """Return an integer of 64 bits that sorts like the number; both zeros are one.

    It is the middle, plus or minus the number's bits without its sign: numbers of few binary
    digits, as most are, end in zeros.
    """
    (bits,) = struct.unpack(">Q", struct.pack(">d", abs(value)))
    middle = 1 << 63
    return middle - int(bits) if value < 0 else middle + int(bits)


def _covering(first: int, last: int) -> Iterator[str]:
    """Yield the fewest runs of first digits that the numbers from `first` to `last` begin with."""
    for length in range(DIGITS, 0, -1):
        after = -(-first // 16)
        before = (last + 1) // 16
        if length == 1 or after >= before:
            yield from (f"{n:0{length}x}" for n in range(first, last + 1))
            return
        yield from (f"{n:0{length}x}" for n in range(first, after * 16))
        yield from (f"{n:0{length}x}" for n in range(before * 16, last + 1))
        first, last = after, before - 1


def _endings(digits: str) -> Iterator[str]:
    """Yield the tags of numbers that begin with `digits`: short ones are without their zeros."""
    yield digits
    if digits.endswith("0"):
        yield digits.rstrip("0") + _END
