"""What ranking looks at in a memory, as a field of its hash that no index has."""

from __future__ import annotations

import json

from memory_service.domain.memory import Memory
from memory_service.domain.signals import Signals, signals_of


def encode(memory: Memory) -> str:
    """Return the field's value."""
    return json.dumps(signals_of(memory), ensure_ascii=False, separators=(",", ":"))


def decode(value: bytes) -> Signals:
    """Undo `encode`."""
    *plain, place, sources = json.loads(value)
    where = tuple(place) if place else None
    return Signals._make((*plain, where, [(session, message) for session, message in sources]))
