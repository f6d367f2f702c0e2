"""A resolved date and how it is worded."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from extractor_service.domain import EventTime, Precision
from extractor_service.rules.words import word_list

MONTHS = word_list(
    "january february march april may june july august september october november december"
)


@dataclass(frozen=True, slots=True)
class When:
    """A resolved date and its wording: "on" + "20 May 2023". No `event` for vague or open times."""

    event: EventTime | None
    preposition: str
    words: str


def on_day(day: datetime, part: str = "") -> When:
    """A day, or a part of one."""
    words = day_words(day)
    event = EventTime(day, Precision.DAY)
    return When(event, "on", f"the {part} of {words}" if part else words)


def day_words(day: datetime) -> str:
    """20 May 2023."""
    return f"{day.day} {MONTHS[day.month - 1].title()} {day.year}"


def in_month(month: datetime) -> When:
    """The month that a day is in."""
    first = month.replace(day=1)
    words = f"{MONTHS[first.month - 1].title()} {first.year}"
    return When(EventTime(first, Precision.MONTH), "in", words)


def in_year(year: datetime, words: str = "") -> When:
    """The year that a day is in; `words` may say it more closely."""
    first = year.replace(month=1, day=1)
    return When(EventTime(first, Precision.YEAR), "in", words or str(first.year))


def in_week(monday: datetime) -> When:
    """The week that starts on this day."""
    return When(EventTime(monday, Precision.WEEK), "in", f"the week of {day_words(monday)}")


def near_day_of_week(day: datetime) -> When:
    """A day of which no more than the week is known."""
    monday = day - timedelta(days=day.weekday())
    return When(EventTime(monday, Precision.WEEK), "around", day_words(day))


def on_weekend(saturday: datetime) -> When:
    """The weekend that starts on this day."""
    return When(EventTime(saturday, Precision.DAY), "on", f"the weekend of {day_words(saturday)}")


def around(when: When) -> When:
    """The same date, said to be inexact."""
    return When(when.event, "around", when.words)
