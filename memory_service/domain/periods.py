"""Times that a query names: "in May", "on 7 May 2023", "last week". Pure, and English."""

from __future__ import annotations

import calendar
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

FADING_DAYS = 7.0
"""How far outside of a period something is when it counts 1/e as much as inside."""

MAX_PERIODS = 16
"""Distinct periods of a query that count: each is held against everything that was found."""

_MONTHS = {name.lower(): number for number, name in enumerate(calendar.month_name) if name}
_MONTH = "|".join(_MONTHS)
_DAY = r"(\d{1,2})(?:st|nd|rd|th)?"
_YEAR = r"(?:,? (?:of )?((?:19|20)\d\d))?"
_DATED = re.compile(
    rf"\b(?:{_DAY} (?:of )?)?({_MONTH})(?: {_DAY}(?!\d))?{_YEAR}(?!\w)", re.IGNORECASE
)
_YEAR_ALONE = re.compile(r"\b(?:in|of|during|since|from) ((?:19|20)\d\d)\b", re.IGNORECASE)
_RELATIVE = re.compile(
    r"\b(today|yesterday|(?:this|last|past) (?:week|month|year))\b", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Period:
    """The days [first, last]; of any year if `every_year`."""

    first: date
    last: date
    every_year: bool = False

    def closeness(self, micros: int) -> float:
        """Return 1 for a time within the period, and less the further it is outside, to 0."""
        try:
            day = datetime.fromtimestamp(micros / 1_000_000, UTC).date()
        except (ValueError, OverflowError, OSError):
            return 0.0
        days = min(_days_outside(day, *span) for span in self._spans(day.year))
        return math.exp(-days / FADING_DAYS)

    def _spans(self, year: int) -> list[tuple[date, date]]:
        if not self.every_year:
            return [(self.first, self.last)]
        return [
            (_in_year(self.first, each), _in_year(self.last, each))
            for each in (year - 1, year, year + 1)
            if date.min.year <= each <= date.max.year
        ]


def periods_in(query: str, now: int) -> tuple[Period, ...]:
    """Return the first MAX_PERIODS that a query names, each once; it is asked `now`, in µs."""
    dated = tuple(_dated(query))
    years = () if dated else tuple(_years(query))
    return tuple(dict.fromkeys((*dated, *years, *_relative(query, now))))[:MAX_PERIODS]


def _dated(query: str) -> Iterator[Period]:
    for match in _DATED.finditer(query):
        before, name, after, year = match.groups()
        if name.lower() == "may" and not (name[0].isupper() and (match.start() or before)):
            continue  # Else it is the verb.
        yield from _days(int(year) if year else None, _MONTHS[name.lower()], before or after)


def _days(year: int | None, month: int, day: str | None) -> Iterator[Period]:
    # A leap year, so that 29 February is one of every year's days.
    of = year or 2000
    length = calendar.monthrange(of, month)[1]
    if day is None:
        yield Period(date(of, month, 1), date(of, month, length), every_year=year is None)
    elif 1 <= int(day) <= length:
        exact = date(of, month, int(day))
        yield Period(exact, exact, every_year=year is None)


def _years(query: str) -> Iterator[Period]:
    for match in _YEAR_ALONE.finditer(query):
        year = int(match[1])
        yield Period(date(year, 1, 1), date(year, 12, 31))


def _relative(query: str, now: int) -> Iterator[Period]:
    today = datetime.fromtimestamp(now / 1_000_000, UTC).date()
    for match in _RELATIVE.finditer(query):
        words = match[1].lower().split()
        yield _named(words, today)


def _named(words: list[str], today: date) -> Period:
    if words[-1] in ("today", "yesterday"):
        day = today - timedelta(days=words[-1] == "yesterday")
        return Period(day, day)
    first = _begin(words[-1], today)
    if words[0] == "this":
        return Period(first, today)
    last = first - timedelta(days=1)
    return Period(_begin(words[-1], last), last)


def _begin(unit: str, day: date) -> date:
    """Return the first day of the week, month or year that a day is in."""
    if unit == "week":
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if unit == "month" else day.replace(month=1, day=1)


def _in_year(day: date, year: int) -> date:
    last = calendar.monthrange(year, day.month)[1]
    return date(year, day.month, min(day.day, last))


def _days_outside(day: date, first: date, last: date) -> int:
    return max((first - day).days, (day - last).days, 0)
