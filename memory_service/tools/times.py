"""Times as a model writes and reads them: as much of ISO 8601 as is known. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from memory_service.domain.memory import EventTime, Precision, reading
from memory_service.tools.arguments import BadCall

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LENGTHS = {4: Precision.YEAR, 7: Precision.MONTH, 10: Precision.DAY}
_FORMS = {
    Precision.YEAR: "%Y",
    Precision.MONTH: "%Y-%m",
    Precision.WEEK: "%Y-%m-%d",
    Precision.DAY: "%Y-%m-%d",
    Precision.MINUTE: "%Y-%m-%dT%H:%MZ",
}


def read_time(text: str, path: str) -> EventTime:
    """Return the time that "2025", "2025-03", "2025-03-14" or "2025-03-14T09:30Z" names.

    Without an offset it is UTC. Raises BadCall if there is no such time.
    """
    whole = text + "-01-01"[len(text) - 4 :] if len(text) < 10 else text
    try:
        moment = datetime.fromisoformat(whole)
        moment = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise BadCall(f"{path}: there is no such time") from error
    micros = (moment - _EPOCH) // timedelta(microseconds=1)
    return EventTime(micros, _LENGTHS.get(len(text), Precision.MINUTE))


def show_time(time: EventTime) -> str:
    """Undo `read_time`; a unit of the calendar is that of the time's zone, a week its Monday."""
    exact = time.precision is Precision.MINUTE
    moment = show_moment(time.micros) if exact else reading(time)
    # strftime does not pad years.
    return moment.strftime(_FORMS[time.precision]).rjust(_width(time), "0")


def show_moment(micros: int) -> datetime:
    """Return microseconds since the epoch as a time in UTC."""
    return _EPOCH + timedelta(microseconds=micros)


def _width(time: EventTime) -> int:
    return len(show_moment(0).strftime(_FORMS[time.precision]))
