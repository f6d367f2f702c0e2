"""A session's state as fields of a Redis hash, and back.

`data` and `context` are read only where they are wanted: they can be large.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import msgpack

from memory_service.domain.failed_ranges import FailedRange, FailedRanges
from memory_service.domain.owner import SessionRef
from memory_service.domain.session import Notes, Session

STATE = ("generation", "created", "updated", "version", "tail", "cursor", "failed_ranges")
NOTES = ("data", "context")
FENCE = ("generation", "cursor", "failed_ranges")
"""What must not have moved when something that was extracted is committed."""

Row: TypeAlias = "Sequence[Any]"
"""Values of a hash's fields, bytes or None each."""


def decode(ref: SessionRef, state: Row) -> Session | None:
    """Return the session with these values of STATE; None if there is none."""
    if state[0] is None:
        return None
    *numbers, failed = state
    return _session(ref, [int(number or b"0") for number in numbers], failed)


def fence(state: Row) -> list[bytes | None]:
    """Return the values of FENCE among these of STATE."""
    return [state[STATE.index(name)] for name in FENCE]


def decode_notes(notes: Row) -> Notes:
    """Return the notes with these values of NOTES."""
    return Notes(*((value or b"").decode() for value in notes))


def encode_notes(notes: Notes) -> dict[str, str]:
    """Return the fields for NOTES."""
    return {"data": notes.data, "context": notes.context}


def pack(session: Session, notes: Notes) -> bytes:
    """Return a session as bytes, for the answer to a request."""
    numbers = (session.generation, session.created, session.updated, session.version)
    places = (session.tail, session.cursor, encode_failed(session.failed_ranges))
    packed: bytes = msgpack.packb([*numbers, *places, notes.data, notes.context])
    return packed


def unpack(ref: SessionRef, answer: bytes) -> tuple[Session, Notes]:
    """Undo `pack`."""
    value: list[Any] = msgpack.unpackb(answer)
    *numbers, failed, data, context = value
    return _session(ref, numbers, failed), Notes(data, context)


def _session(ref: SessionRef, numbers: Sequence[int], failed: bytes | None) -> Session:
    generation, created, updated, version, tail, cursor = numbers
    failed_ranges = decode_failed(failed)
    return Session(ref, generation, created, updated, version, tail, cursor, failed_ranges)


def decode_failed(value: bytes | None) -> FailedRanges:
    """Return the failed ranges from a session's field of that name."""
    return tuple(FailedRange(*item) for item in msgpack.unpackb(value)) if value else ()


def encode_failed(ranges: Sequence[FailedRange]) -> bytes:
    """Return the field's value for `ranges`; the same for the same."""
    if not ranges:
        return b""
    packed: bytes = msgpack.packb([_values(each) for each in ranges])
    return packed


def _values(each: FailedRange) -> tuple[int, int, str, int, bool]:
    return (each.first, each.last, each.reason, each.failed, each.retrying)
