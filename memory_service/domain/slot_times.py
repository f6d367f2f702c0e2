"""When facts of which only one is true at a time became true, which puts them in one order. Pure.

The order is total but for facts of the very same times, so that it is the same whatever came first.
"""

from __future__ import annotations

from calendar import monthrange
from datetime import datetime, timedelta

from memory_service.domain.memory import EPOCH, EventTime, Memory, Precision, reading

_MICROSECOND = timedelta(microseconds=1)
_MONTHS = 12


def since(memory: Memory) -> tuple[int, int]:
    """Return what the order goes by: when it was so at the latest, then when it was said last.

    What happened was so when that was over, "in 2023" at the end of the year; what has a beginning
    of its own, from then on; all else, and what is yet to be, when it was said last.
    """
    said, begun = memory.last_said, given_begin(memory)
    if memory.event_time:
        return min(_end(memory.event_time), said), said
    return said if begun is None else min(begun, said), said


def newer(one: Memory, other: Memory) -> bool:
    """Tell whether `one` takes the place of `other` where they are of one slot.

    Of two that are equal in all that counts, neither is newer.
    """
    return since(one) > since(other)


def beginning(memory: Memory, now: int) -> int:
    """Return when a memory begins to be true, as far as is known, else `now`."""
    if memory.valid_from is not None:
        return memory.valid_from
    return memory.event_time.micros if memory.event_time else now


def begin(memory: Memory) -> int:
    """Return from when on a memory has its place, which a plan has from when it was made."""
    return learned_begin(memory) if memory.valid_from is None else memory.valid_from


def learned_begin(memory: Memory) -> int:
    """Return from when on a memory has its place by what is known of it, whatever it says."""
    said = memory.first_said
    return min(memory.event_time.micros, said) if memory.event_time else said


def given_begin(memory: Memory) -> int | None:
    """Return from when on a memory says that it is true, None if that was learned or not known."""
    return None if memory.valid_from == learned_begin(memory) else memory.valid_from


def end(old: Memory, by: int) -> int:
    """Return when a memory stops being true whose place is taken by one that begins at `by`."""
    if old.valid_to is not None and not old.end_learned:
        return old.valid_to
    return by if old.valid_from is None else max(by, old.valid_from)


def _end(event: EventTime) -> int:
    """Return when the unit of an event's time was over, by the calendar of its zone.

    Of the last unit that there is, its start.
    """
    try:
        return (_after(reading(event), event.precision) - EPOCH) // _MICROSECOND
    except (ValueError, OverflowError):
        return event.micros


def _after(start: datetime, precision: Precision) -> datetime:
    """Return the start of the next unit."""
    match precision:
        case Precision.YEAR:
            return _months_later(start, _MONTHS)
        case Precision.MONTH:
            return _months_later(start, 1)
        case Precision.WEEK:
            return start + timedelta(weeks=1)
        case Precision.DAY:
            return start + timedelta(days=1)
        case Precision.MINUTE:
            return start + timedelta(minutes=1)


def _months_later(start: datetime, months: int) -> datetime:
    years, month = divmod(start.month - 1 + months, _MONTHS)
    year = start.year + years
    last = monthrange(year, month + 1)[1]
    return start.replace(year=year, month=month + 1, day=min(start.day, last))
