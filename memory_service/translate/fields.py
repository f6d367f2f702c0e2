"""Checks of single fields. Each returns the value or raises InvalidField with the field's path."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from memory_service.domain.errors import InvalidField
from service_kit.time_zones import zone_of

MAX_ID = 128
MAX_NAME = 256
GUARDED = 16
"""How many times as long a stored text may be as a written one: placeholders for secrets, which may
be of a single character, have up to 13."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


def identifier(value: str, path: str, *, required: bool = False) -> str:
    """An id that a caller chose: at most 128 characters, none of them a control character."""
    if required and not value:
        raise InvalidField(path, "is required")
    if len(value) > MAX_ID:
        raise InvalidField(path, f"is longer than {MAX_ID} characters")
    if _CONTROL.search(value):
        raise InvalidField(path, "has a control character")
    return value


def name(value: str, path: str, *, most: int = MAX_NAME, required: bool = False) -> str:
    """A name or tag: at most `most` characters of any kind."""
    if required and not value:
        raise InvalidField(path, "is required")
    if len(value) > most:
        raise InvalidField(path, f"is longer than {most} characters")
    return value


def time_zone(value: str, path: str) -> str:
    """The name of a time zone, or an offset from UTC; empty for none."""
    if zone_of(value) is None:
        raise InvalidField(path, "is no time zone")
    return value


def text(value: str, path: str, *, max_bytes: int, required: bool = False) -> str:
    """Free text of at most `max_bytes` of UTF-8; if required, more than white space."""
    if required and not value.strip():
        raise InvalidField(path, "is required")
    if len(value.encode()) > max_bytes:
        raise InvalidField(path, f"is longer than {max_bytes} bytes")
    return value


def count(value: int, path: str, *, least: int, most: int) -> int:
    """A number between two bounds, both inclusive."""
    if not least <= value <= most:
        raise InvalidField(path, f"must be between {least} and {most}")
    return value


def size(items: Sequence[object], path: str, *, least: int = 0, most: int) -> None:
    """A list whose length is between two bounds, both inclusive."""
    if not least <= len(items) <= most:
        raise InvalidField(path, f"must have {least} to {most} items")


def duration(value: Duration, path: str, *, least: int, most: int) -> int:
    """A duration as microseconds, between two bounds in seconds, both inclusive."""
    length = duration_micros(value)
    if length is None or not least * 1_000_000 <= length <= most * 1_000_000:
        days = most // (24 * 3600)
        raise InvalidField(path, f"must be between {least} second and {days:,} days")
    return length


def duration_micros(value: Duration) -> int | None:
    """Return a duration as microseconds, whatever its length; None if it is malformed."""
    if not 0 <= value.nanos < 1_000_000_000:
        return None
    return value.seconds * 1_000_000 + value.nanos // 1000


def micros(value: Timestamp, path: str) -> int:
    """A time as microseconds since the epoch; years 1 to 9999."""
    try:
        moment = value.ToDatetime(tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        raise InvalidField(path, "is no valid time") from error
    return (moment - EPOCH) // MICROSECOND


def timestamp(value: int) -> Timestamp:
    """Return microseconds since the epoch as a Timestamp."""
    shown = Timestamp()
    put_time(shown, value)
    return shown


def put_time(shown: Timestamp, value: int) -> None:
    """Put microseconds since the epoch into a Timestamp."""
    shown.seconds, rest = divmod(value, 1_000_000)
    shown.nanos = rest * 1000
