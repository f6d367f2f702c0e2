"""A session's state as fields of a Redis hash, and back.

`data`, `context` and `summary` are read only where they are wanted: they can be large.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, TypeAlias

import msgpack

from memory_service.domain.failed_ranges import FailedRange, FailedRanges
from memory_service.domain.owner import SessionRef
from memory_service.domain.session import Notes, Session
from memory_service.domain.session_options import (
    DISCRETE,
    ExtractionKind,
    SessionOptions,
    Strategy,
)

_NUMBERS = (
    *("generation", "created", "updated", "version", "tail", "cursor"),
    *("given_tail", "given_cursor", "summarized"),
)
STATE = (*_NUMBERS, "failed_ranges", "ttl", "strategy", "unsearchable")
NOTES = ("data", "context")
SUMMARY = "summary"
FENCE = ("generation", "cursor", "failed_ranges", "given_cursor", "strategy", "unsearchable")
"""What must not have moved when something that was extracted is committed."""

Row: TypeAlias = "Sequence[Any]"
"""Values of a hash's fields, bytes or None each."""


def decode(ref: SessionRef, state: Row) -> Session | None:
    """Return the session with these values of STATE; None if there is none."""
    if state[0] is None:
        return None
    values = dict(zip(STATE, state, strict=True))
    numbers = {name: int(values[name] or 0) for name in _NUMBERS}
    failed_ranges = decode_failed(values["failed_ranges"])
    options = _options(values["ttl"], values["strategy"], values["unsearchable"])
    return Session(ref, **numbers, failed_ranges=failed_ranges, options=options)


def encode(session: Session) -> dict[str, str | bytes]:
    """Return the fields of STATE; what is 0 may as well be absent."""
    return {
        **{name: _number(getattr(session, name)) for name in _NUMBERS},
        "failed_ranges": encode_failed(session.failed_ranges),
        **encode_options(session.options),
    }


def encode_fence(session: Session) -> list[str | bytes]:
    """Return the values of FENCE; empty for what is absent from the hash."""
    values = encode(session)
    always = {"generation": str(session.generation), "cursor": str(session.cursor)}
    return [(values | always)[name] for name in FENCE]


def holds(session: Session, fence: Row) -> bool:
    """Tell whether these values of FENCE are still those of the session."""
    return [value or b"" for value in fence] == [_bytes(value) for value in encode_fence(session)]


def encode_options(options: SessionOptions) -> dict[str, str]:
    """Return the fields that say how a session is kept; empty for the defaults."""
    return {
        "ttl": "" if options.ttl is None else str(options.ttl),
        "strategy": _encode_extraction(options),
        "unsearchable": "" if options.searchable else "1",
    }


def _encode_extraction(options: SessionOptions) -> str:
    """Return all that says how messages are extracted: what is moved by none must move the fence.

    What was added later is left out where it is the default, as it was not there before.
    """
    strategy = options.strategy
    if strategy == DISCRETE and not options.time_zone:
        return ""
    values: list[Any] = [strategy.kind.value, strategy.instructions]
    if strategy.include_assistant or options.time_zone:
        values += [strategy.include_assistant, options.time_zone]
    return json.dumps(values, ensure_ascii=False)


def _options(
    ttl: bytes | None, extraction: bytes | None, unsearchable: bytes | None
) -> SessionOptions:
    options = SessionOptions(int(ttl) if ttl else None, searchable=not unsearchable)
    if not extraction:
        return options
    kind, instructions, *later = json.loads(extraction)
    include_assistant, time_zone = later or (False, "")
    strategy = Strategy(ExtractionKind(kind), instructions, include_assistant)
    return replace(options, strategy=strategy, time_zone=time_zone)


def _bytes(value: str | bytes) -> bytes:
    return value.encode() if isinstance(value, str) else value


def _number(value: int) -> str:
    return str(value) if value else ""


def decode_notes(notes: Row) -> Notes:
    """Return the notes with these values of NOTES."""
    return Notes(*((value or b"").decode() for value in notes))


def encode_notes(notes: Notes) -> dict[str, str]:
    """Return the fields for NOTES."""
    return {"data": notes.data, "context": notes.context}


def pack(session: Session, notes: Notes) -> bytes:
    """Return a session as bytes, for the answer to a request."""
    packed: bytes = msgpack.packb([*encode(session).values(), notes.data, notes.context])
    return packed


def unpack(ref: SessionRef, answer: bytes) -> tuple[Session, Notes]:
    """Undo `pack`."""
    value: list[Any] = msgpack.unpackb(answer)
    session = decode(ref, value[: len(STATE)])
    assert session is not None
    return session, Notes(*value[len(STATE) :])


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
