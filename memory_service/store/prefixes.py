"""Prefixes of tag values as tags of their own: the engine's prefix queries stop at 200 terms.

One TAG field holds them for all fields. Where a field has a single value, as an id or a session
mostly has, each of its first characters is a tag with its place: few different tags for the index
to keep, whatever the values. Where it has several, each prefix is a tag. A query takes either. A
field's letter alone says that the field has a value.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from functools import lru_cache

from memory_service.domain.filters import TagField
from memory_service.store.tags import encode_tag

FIELD = "prefix"
"""The name in the index."""

LONGEST = 32
"""How many characters of a value can be asked for; a digit of _PLACES each."""

_PLACES = "0123456789abcdefghijklmnopqrstuv"
_LETTERS = {
    TagField.ID: "i",
    TagField.SESSION_ID: "s",
    TagField.TYPE: "y",
    TagField.TOPIC: "t",
    TagField.ENTITY: "e",
    TagField.ENTITY_KIND: "k",
    TagField.MESSAGE_ID: "m",
    TagField.EXTRACTOR: "x",
    TagField.SLOT: "l",
}
_WITHOUT = (TagField.TYPE, TagField.MESSAGE_ID)
"""Fields that are indexed as being there, without prefixes."""


def prefix_tags(field: TagField, values: Collection[str]) -> Iterator[str]:
    """Yield the tags of a memory that has `values` in `field`, some of them more than once."""
    if not values:
        return
    yield presence(field)
    different = set(values)
    if field in _WITHOUT:
        return
    if len(different) == 1:
        yield from by_place(field, next(iter(different)))
    else:
        for value in sorted(different):
            yield from tags_of_prefixes(field, value[:LONGEST])


@lru_cache(maxsize=4096)
def tags_of_prefixes(field: TagField, value: str) -> tuple[str, ...]:
    """Return the tag of each prefix of one of several values."""
    return tuple(whole(field, value[:length]) for length in range(1, len(value) + 1))


@lru_cache(maxsize=4096)
def _encoded(character: str) -> str:
    return encode_tag(character)


def presence(field: TagField) -> str:
    """Return the tag of memories that have a value in `field`."""
    return _LETTERS[field]


def by_place(field: TagField, prefix: str) -> list[str]:
    """Return the tags that all stand for `prefix` where a memory has one value in `field`."""
    letter = _LETTERS[field]
    return [f"{letter}{place}{_encoded(c)}" for place, c in zip(_PLACES, prefix, strict=False)]


def whole(field: TagField, prefix: str) -> str:
    """Return the tag that stands for `prefix` where a memory has several values in `field`."""
    return f"{_LETTERS[field].upper()}{encode_tag(prefix)}"
