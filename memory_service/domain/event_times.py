"""Which of two event times is later, as far as they are known. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

from memory_service.domain.memory import EventTime, Precision, reading

_LAST = datetime.max


def order(one: EventTime, other: EventTime) -> int:
    """Return 1 if `one` is later, -1 if `other` is, 0 if they are the same or it cannot be told.

    Each is as long as the unit that is known, a year or a week or a minute; one is later if it
    begins when the other is over. Days of two zones are compared as days of the calendar, moments
    as moments.
    """
    if one.precision is other.precision is Precision.MINUTE:
        ours, theirs = (_moment(event) for event in (one, other))
    else:
        ours, theirs = (_unit(event) for event in (one, other))
    return int(ours[0] >= theirs[1]) - int(theirs[0] >= ours[1])


def _moment(event: EventTime) -> tuple[datetime, datetime]:
    return _unit(EventTime(event.micros, event.precision))


def _unit(event: EventTime) -> tuple[datetime, datetime]:
    """Return start and end of the unit, as its calendar has them."""
    start = _start(reading(event).replace(tzinfo=None), event.precision)
    try:
        return start, _end(start, event.precision)
    except (OverflowError, ValueError):  # There is nothing after the year 9999.
        return start, _LAST


def _start(time: datetime, precision: Precision) -> datetime:
    minute = time.replace(second=0, microsecond=0)
    day = minute.replace(hour=0, minute=0)
    match precision:
        case Precision.YEAR:
            return day.replace(month=1, day=1)
        case Precision.MONTH:
            return day.replace(day=1)
        case Precision.WEEK:
            return day - timedelta(days=min(day.weekday(), (day - datetime.min).days))
        case Precision.DAY:
            return day
        case Precision.MINUTE:
            return minute


def _end(start: datetime, precision: Precision) -> datetime:
    match precision:
        case Precision.YEAR:
            return start.replace(year=start.year + 1)
        case Precision.MONTH:
            return (start + timedelta(days=31)).replace(day=1)
        case Precision.WEEK:
            return start + timedelta(weeks=1)
        case Precision.DAY:
            return start + timedelta(days=1)
        case Precision.MINUTE:
            return start + timedelta(minutes=1)
