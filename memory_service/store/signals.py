"""What ranking looks at in a memory, as a field of its hash that no index has."""

from __future__ import annotations

import json

from memory_service.domain.memory import Memory
from memory_service.domain.signals import Signals, signals_of


def encode(memory: Memory) -> str:
    """Return the field's value."""
    s = signals_of(memory)
    values = [
        *(s.names, s.length, int(s.answers), int(s.timed), s.time, s.said, s.mentions),
        *(int(s.pinned), s.place, s.sources),
    ]
    return json.dumps(values, ensure_ascii=False, separators=(",", ":"))


def decode(value: bytes) -> Signals:
    """Undo `encode`."""
    names, length, answers, timed, time, said, mentions, pinned, place, sources = json.loads(value)
    return Signals(
        names=tuple(names),
        length=length,
        answers=bool(answers),
        timed=bool(timed),
        time=time,
        said=said,
        mentions=mentions,
        pinned=bool(pinned),
        place=(place[0], place[1]) if place else None,
        sources=tuple((session, message) for session, message in sources),
    )
