"""Messages of any kind, made from their descriptors: random ones, and good ones with a few faults.

All comes from one `random.Random`, which may be hypothesis's: then what fails is made smaller.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

_INT_EDGES = (0, 1, -1, 2, 49, 50, 257, 1000, 1001, 2**31 - 1, -(2**31), 2**53, 2**63 - 1, -(2**63))
_FLOATS = (0.0, 1.0, -1.0, 0.5, math.nan, math.inf, -math.inf, 1e308, 5e-324, -0.0)
TEXTS = (
    "",
    "alice",
    "s1",
    "m1",
    "r1",
    " ",
    "\x00",
    "a\x00b",
    "\n",
    "\u202eevil\u202c",
    "مرحبا بالعالم",
    "👩‍👩‍👧‍👦" * 3,
    "北京",
    "é" * 128,
    "x" * 129,
    "x" * 257,
    "x" * 9000,
    "hello) | @owner:{*} | (hello",
    "@type:{message}",
    "*",
    "%",
    "}{\\\"'",
    "am:mem:{0}:default:n:u:x:y",
    "1",
    "007",
    "\ud7ff\ue000\ufffd\uffff",
    "a:b:c",
    "../../etc/passwd",
    "I moved to Berlin in March.",
    "'; DROP TABLE memories; --",
)
_PATHS = ("text", "type", "topics", "pinned", "metadata", "event_time", "id", "nope", "text.x", "")
_DEEPEST = 6


class Maker:
    """Makes messages by the chances that it is given."""

    def __init__(self, chance: Random, texts: Sequence[str] = TEXTS) -> None:
        """`texts` are what most strings are taken from."""
        self._chance = chance
        self._texts = texts

    def fill(self, message: Message, depth: int = 0) -> Message:
        """Set some of the fields, to anything."""
        fields = message.DESCRIPTOR.fields
        for field in fields:
            if depth < _DEEPEST and self._chance.random() < min(0.6, 3 / len(fields) + 0.1):
                self._set(message, field, depth)
        return message

    def spoil(self, message: Message) -> Message:
        """Change one to three fields of a good message, at any depth, to anything."""
        for _ in range(self._chance.randint(1, 3)):
            place = message
            while (inner := self._inner(place)) and self._chance.random() < 0.6:
                place = self._chance.choice(inner)
            if place.DESCRIPTOR.fields:
                field = self._chance.choice(place.DESCRIPTOR.fields)
                if self._chance.random() < 0.2:
                    place.ClearField(field.name)
                else:
                    self._set(place, field, depth=2)
        return message

    def _inner(self, message: Message) -> list[Message]:
        found: list[Message] = []
        for field, value in message.ListFields():
            if field.message_type is None or _is_map(field):
                continue
            found += value if field.is_repeated else [value]
        return found

    def _set(self, message: Message, field: FieldDescriptor, depth: int) -> None:
        if _is_map(field):
            self._fill_map(getattr(message, field.name), depth)
        elif field.is_repeated:
            self._extend(message, field, depth)
        elif field.message_type is not None:
            inner = getattr(message, field.name)
            inner.SetInParent()
            self.fill(inner, depth + 1)
        else:
            setattr(message, field.name, self._scalar(field))

    def _fill_map(self, entries: Any, depth: int) -> None:
        for _ in range(self._chance.randint(0, 3)):
            self.fill(entries[self._text()], depth + 1)

    def _extend(self, message: Message, field: FieldDescriptor, depth: int) -> None:
        items = getattr(message, field.name)
        many = self._chance.random() < 0.05
        for _ in range(self._chance.randint(0, 2)):
            if field.message_type is not None:
                self.fill(items.add(), depth + 1)
            else:
                items.append(self._scalar(field))
        if many and len(items):
            # Over whatever limit there is on how many.
            items.extend([items[0]] * 1100)

    def _scalar(self, field: FieldDescriptor) -> Any:
        return _SCALARS[field.type](self, field)

    def _text(self) -> str:
        if self._chance.random() < 0.8:
            return self._chance.choice(self._texts)
        return "".join(chr(self._chance.randint(1, 0xD7FF)) for _ in range(5))

    def string(self, field: FieldDescriptor) -> str:
        """A text, or a path for a field mask."""
        if field.containing_type.full_name == "google.protobuf.FieldMask":
            return self._chance.choice(_PATHS)
        return self._text()

    def integer(self, field: FieldDescriptor) -> int:
        """A number on an edge, or a small one, within the field's range."""
        value = self._chance.choice(_INT_EDGES)
        if self._chance.random() < 0.4:
            value = self._chance.randint(0, 20)
        if field.type in {FieldDescriptor.TYPE_INT64, FieldDescriptor.TYPE_SINT64}:
            return value
        return max(-(2**31), min(value, 2**31 - 1))

    def number(self, _: FieldDescriptor) -> float:
        """A float on an edge."""
        return self._chance.choice(_FLOATS)

    def flag(self, _: FieldDescriptor) -> bool:
        """A truth value."""
        return self._chance.random() < 0.5

    def choice(self, field: FieldDescriptor) -> int:
        """A value of an enum, or one that it does not have."""
        values = [value.number for value in field.enum_type.values]
        return self._chance.choice([*values, *values, 99, -1])

    def blob(self, _: FieldDescriptor) -> bytes:
        """Any bytes."""
        return bytes(self._chance.randint(0, 255) for _ in range(self._chance.randint(0, 64)))


_SCALARS: dict[int, Callable[[Maker, FieldDescriptor], Any]] = {
    FieldDescriptor.TYPE_STRING: Maker.string,
    FieldDescriptor.TYPE_BYTES: Maker.blob,
    FieldDescriptor.TYPE_BOOL: Maker.flag,
    FieldDescriptor.TYPE_ENUM: Maker.choice,
    FieldDescriptor.TYPE_INT32: Maker.integer,
    FieldDescriptor.TYPE_INT64: Maker.integer,
    FieldDescriptor.TYPE_DOUBLE: Maker.number,
    FieldDescriptor.TYPE_FLOAT: Maker.number,
}


def _is_map(field: FieldDescriptor) -> bool:
    return bool(field.message_type and field.message_type.GetOptions().map_entry)
