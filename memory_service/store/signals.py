"""What ranking looks at in a memory, as a field of its hash that no index has."""

from __future__ import annotations

from collections.abc import Sequence

import msgpack

from memory_service.domain.memory import Memory
from memory_service.domain.signals import Signals, signals_of


def encode(memory: Memory, own: Sequence[str]) -> bytes:
    """Return the field's value; `own` are the `indexed_terms` of the memory's text."""
    packed: bytes = msgpack.packb(signals_of(memory, own))
    return packed


def decode(value: bytes) -> Signals:
    """Undo `encode`; hundreds of times in a search, and JSON takes three times as long."""
    return Signals._make(msgpack.unpackb(value, use_list=False))
