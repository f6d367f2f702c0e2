"""Reads the dates that the model writes. Pure functions."""

from __future__ import annotations

import re
from datetime import UTC, datetime, tzinfo

from extractor_service.domain import EventTime, Precision

_FORMS = (
    (re.compile(r"\d{4}"), "%Y", Precision.YEAR),
    (re.compile(r"\d{4}-\d\d"), "%Y-%m", Precision.MONTH),
    (re.compile(r"\d{4}-W\d\d"), "%G-W%V-%u", Precision.WEEK),
    (re.compile(r"\d{4}-\d\d-\d\d"), "%Y-%m-%d", Precision.DAY),
)
_MOMENT = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d)(?::\d\d(?:\.\d+)?)?(Z|[+-]\d\d:\d\d)?")
_MONDAY = "-1"

LONGEST_AGO_YEARS = 120
FARTHEST_AHEAD_YEARS = 50


def event_time_of(text: str, zone: tzinfo | None = UTC) -> EventTime | None:
    """An ISO date or time of this zone; its form says how much is known. None if it is none.

    YYYY, YYYY-MM, YYYY-Www, YYYY-MM-DD or YYYY-MM-DDTHH:MM, which may say another offset from UTC;
    seconds are cut off.
    """
    bare = text.strip()
    try:
        if moment := _MOMENT.fullmatch(bare):
            day, clock, offset = moment.groups()
            time = datetime.fromisoformat(f"{day}T{clock}{(offset or '').replace('Z', '+00:00')}")
            placed = time.astimezone(zone) if offset else time.replace(tzinfo=zone)
            return EventTime(placed, Precision.MINUTE)
        for form, pattern, precision in _FORMS:
            if form.fullmatch(bare):
                day = f"{bare}{_MONDAY}" if precision is Precision.WEEK else bare
                return EventTime(datetime.strptime(day, pattern).replace(tzinfo=zone), precision)
    except (ValueError, OverflowError):
        return None
    return None


def is_plausible(event: EventTime, said: datetime) -> bool:
    """Whether somebody may well have spoken of such a time."""
    years = event.time.year - said.year
    return -LONGEST_AGO_YEARS <= years <= FARTHEST_AHEAD_YEARS
