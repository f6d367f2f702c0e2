"""Time zones by name: those of the IANA database, or a fixed offset from UTC.

The names are those of the package tzdata, which is there on slim images too, so that every process
knows the same ones.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from functools import cache, lru_cache
from importlib import resources
from zoneinfo import ZoneInfo

MOST_HOURS = 14
"""The largest offset from UTC anywhere on earth."""

LONGEST_NAME = 64
"""Characters of a name that are read: the longest zone has half of them. What was read is kept."""

_OFFSET = re.compile(r"(?P<sign>[+-])(?P<hours>\d\d):(?P<minutes>[0-5]\d)", re.ASCII)


def zone_of(name: str) -> tzinfo | None:
    """The zone of this name, such as "Europe/Berlin" or "+05:30"; UTC for ""; None if unknown."""
    return _zone_of(name) if len(name) <= LONGEST_NAME else None


@lru_cache(maxsize=1024)
def _zone_of(name: str) -> tzinfo | None:
    if not name:
        return UTC
    if offset := _OFFSET.fullmatch(name):
        minutes = int(offset["hours"]) * 60 + int(offset["minutes"])
        if minutes > MOST_HOURS * 60:
            return None
        return timezone(timedelta(minutes=minutes if offset["sign"] == "+" else -minutes))
    return ZoneInfo(name) if name in _names() else None


def in_zone(moment: datetime, name: str) -> datetime:
    """An aware time as the clock of this zone shows it; of a zone that is none, as UTC's does.

    At the very ends of the calendar, where a zone's clock would leave it, as UTC's does too.
    """
    try:
        return moment.astimezone(zone_of(name) or UTC)
    except OverflowError:
        return moment.astimezone(UTC)


def start_of_unit(moment: datetime, unit: str) -> datetime:
    """The start of the "year", "month", "week" or "day" that a zone's clock and calendar are in.

    Of any other unit the moment itself. A week begins on Monday. At the very beginning of the
    calendar, where that start has no time in UTC, it is that of UTC's unit.
    """
    first = _first_day(moment.date(), unit)
    if first is None:
        return moment
    # Of a midnight that clocks skip this is the moment of the change, with which the day begins.
    start = datetime.combine(first, time(), moment.tzinfo)
    try:
        start.astimezone(UTC)
    except OverflowError:
        return start_of_unit(moment.astimezone(UTC), unit)
    return start


def _first_day(day: date, unit: str) -> date | None:
    match unit:
        case "year":
            return day.replace(month=1, day=1)
        case "month":
            return day.replace(day=1)
        case "week":
            return day - timedelta(days=day.weekday())
        case "day":
            return day
        case _:
            return None


def name_of(zone: tzinfo | None) -> str:
    """The name that `zone_of` has for a zone; "" for UTC."""
    if isinstance(zone, ZoneInfo):
        return zone.key
    offset = (zone or UTC).utcoffset(None) or timedelta()
    minutes = abs(offset) // timedelta(minutes=1)
    sign = "-" if offset < timedelta() else "+"
    return f"{sign}{minutes // 60:02d}:{minutes % 60:02d}" if offset else ""


@cache
def _names() -> frozenset[str]:
    return frozenset((resources.files("tzdata") / "zones").read_text("utf-8").split())
