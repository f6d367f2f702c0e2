"""Reads the dates that the model writes. Pure functions."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from extractor_service.domain import EventTime, Precision

_FORMS = (
    (re.compile(r"\d{4}"), "%Y", Precision.YEAR),
    (re.compile(r"\d{4}-\d\d"), "%Y-%m", Precision.MONTH),
    (re.compile(r"\d{4}-\d\d-\d\d"), "%Y-%m-%d", Precision.DAY),
    (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d"), "%Y-%m-%dT%H:%M", Precision.MINUTE),
)
_SECONDS_AND_UTC = re.compile(r"(?<=:\d\d)(:\d\d(\.\d+)?)?(Z|\+00:00)?$")

LONGEST_AGO_YEARS = 120
FARTHEST_AHEAD_YEARS = 50


def event_time_of(text: str) -> EventTime | None:
    """An ISO date or time in UTC; its form says how much is known. None if it is none.

    YYYY, YYYY-MM, YYYY-MM-DD or YYYY-MM-DDTHH:MM; seconds are cut off.
    """
    bare = text.strip()
    if ":" in bare:
        bare = _SECONDS_AND_UTC.sub("", bare)
    for form, pattern, precision in _FORMS:
        if form.fullmatch(bare):
            try:
                time = datetime.strptime(bare.replace(" ", "T"), pattern).replace(tzinfo=UTC)
            except ValueError:
                return None
            return EventTime(time, precision)
    return None


def is_plausible(event: EventTime, said: datetime) -> bool:
    """Whether somebody may well have spoken of such a time."""
    years = event.time.year - said.year
    return -LONGEST_AGO_YEARS <= years <= FARTHEST_AHEAD_YEARS
