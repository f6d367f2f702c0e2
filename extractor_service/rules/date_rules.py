"""One small resolver for each kind of date expression.

All of them are of the calendar of the zone in which it was said. Weeks start on Monday. "Last
Monday" is the latest one before today, "next Monday" the first after it. "Two weeks ago" is known
to the week; a weekend gets the day it starts on. "A few" counts as three, "a couple" as two, and
both as "around".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta

from dateutil.relativedelta import relativedelta

from extractor_service.rules.when import (
    MONTHS,
    When,
    around,
    day_words,
    in_month,
    in_week,
    in_year,
    near_day_of_week,
    on_day,
    on_weekend,
)
from extractor_service.rules.words import word_list

WEEKDAYS = word_list("monday tuesday wednesday thursday friday saturday sunday")
SHORT_WEEKDAYS = {day[:3]: day for day in WEEKDAYS} | {"tues": "tuesday", "thurs": "thursday"}
SHORT_MONTHS = {month[:3]: month for month in MONTHS} | {"sept": "september"}
SEASONS = ("spring", "summer", "autumn", "fall", "winter")
PARTS_OF_DAY = ("morning", "afternoon", "evening", "night")
_COUNTED = word_list("zero one two three four five six seven eight nine ten eleven twelve")
NUMBERS = {word: n for n, word in enumerate(_COUNTED)} | {
    "a": 1, "an": 1, "couple": 2, "few": 3, "several": 4,
}  # fmt: skip
UNITS = ("day", "week", "month", "year")
OWNING_DAYS = ("yesterdays", "todays", "tomorrows")
_FIRST_YEAR, _LAST_YEAR = 1900, 2100
_INEXACT = frozenset({"few", "several", "couple", "about", "around"})


@dataclass(frozen=True, slots=True)
class Said:
    """One date expression as it was said: lower-case words, the time of saying, the tense.

    `months` are the numbers of those that are spoken of around it.
    """

    words: tuple[str, ...]
    now: datetime
    past: bool
    months: frozenset[int] = frozenset()

    def today(self) -> datetime:
        """Midnight at the start of the day of saying, in the zone of saying."""
        return datetime.combine(self.now.date(), time(), self.now.tzinfo)


def _vague(preposition: str, said: Said) -> When:
    return When(None, preposition, day_words(said.today()))


def of_day_word(said: Said) -> When:
    """Resolve "yesterday", "tomorrow morning", "tonight", and "yesterdays" for "yesterday's"."""
    offset = {"yesterday": -1, "tomorrow": 1}.get(said.words[0].removesuffix("s"), 0)
    day = said.today() + timedelta(days=offset)
    if said.words[0] in OWNING_DAYS:
        return replace(on_day(day), words=f"{day_words(day)}'s")
    part = said.words[1] if len(said.words) > 1 else "tonight" in said.words and "evening"
    return on_day(day, part or "")


def of_part_of_day(said: Said) -> When:
    """Resolve "this morning", "last night"."""
    last = said.words[0] == "last"
    return on_day(said.today() - timedelta(days=int(last)), said.words[1])


def of_day_but_one(said: Said) -> When:
    """Resolve "the day before yesterday"."""
    return on_day(said.today() + timedelta(days=-2 if "before" in said.words else 2))


def of_vague_past(said: Said) -> When:
    """Resolve "recently", "the other day", "lately"."""
    preposition = "as of" if said.words[0] == "lately" else "shortly before"
    return _vague(preposition, said)


def of_vague_future(said: Said) -> When:
    """Resolve "soon"."""
    return _vague("soon after", said)


def of_weekday(said: Said) -> When | None:
    """Resolve "Monday", "last Monday evening", "this Friday"."""
    words = [SHORT_WEEKDAYS.get(word, word) for word in said.words]
    direction = words[0] if words[0] not in WEEKDAYS else ""
    name = next(word for word in words if word in WEEKDAYS)
    part = words[-1] if words[-1] in PARTS_OF_DAY else ""
    back = direction in {"last", "past"} or (said.past and direction in {"", "this"})
    return on_day(_weekday(said.today(), WEEKDAYS.index(name), back, direction == "this"), part)


def _weekday(today: datetime, weekday: int, back: bool, today_counts: bool) -> datetime:
    if back:
        return today - timedelta(days=(today.weekday() - weekday - 1) % 7 + 1)
    ahead = (weekday - today.weekday() - 1) % 7 + 1
    return today + timedelta(days=ahead % 7 if today_counts else ahead)


def of_period(said: Said) -> When | None:
    """Resolve "last week", "this weekend", "next year"."""
    steps = {"last": -1, "past": -1, "previous": -1, "next": 1, "coming": 1}.get(said.words[-2], 0)
    today, unit = said.today(), said.words[-1]
    monday = today - timedelta(days=today.weekday())
    if unit == "week":
        return in_week(monday + timedelta(weeks=steps))
    if unit == "weekend":
        return on_weekend(monday + timedelta(weeks=steps, days=5))
    if unit == "month":
        return in_month(today + relativedelta(months=steps))
    return in_year(today + relativedelta(years=steps))


def of_named_period(said: Said) -> When | None:
    """ "last May", "next summer", "this June": the nearest on that side of today."""
    direction, name = said.words[0], said.words[1]
    if name in SEASONS:
        return _season(said, direction, name)
    return in_month(
        _nearest_month(said.today(), _month_number(name), direction in {"last", "past"})
    )


def _season(said: Said, direction: str, name: str) -> When:
    """Seasons are those of the north; only their year goes into the event time."""
    middle = {"spring": 4, "summer": 7, "autumn": 10, "fall": 10, "winter": 1}[name]
    today = said.today()
    if direction == "this":
        return in_year(today, f"{name} {today.year}")
    month = _nearest_month(today, middle, direction != "next")
    return in_year(month, f"{name} {month.year}")


def _nearest_month(today: datetime, month: int, back: bool, now_counts: bool = False) -> datetime:
    first = today.replace(day=1, month=month)
    this_month = today.replace(day=1)
    if back and (first > this_month or (first == this_month and not now_counts)):
        return first - relativedelta(years=1)
    if not back and (first < this_month or (first == this_month and not now_counts)):
        return first + relativedelta(years=1)
    return first


def of_ago(said: Said) -> When | None:
    """Resolve "two weeks ago"."""
    return _shifted(said, -1)


def of_ahead(said: Said) -> When | None:
    """Resolve "in three days"; nothing in the past tense, where it is a duration."""
    return None if said.past else _shifted(said, 1)


def _shifted(said: Said, sign: int) -> When | None:
    amount, unit = _amount(said.words)
    if amount is None:
        return None
    moved = said.today() + sign * _delta(unit, amount)
    vague = unit == "week" or bool(_INEXACT & {*said.words})
    return around(_ROUNDED[unit](moved)) if vague else _ROUNDED[unit](moved)


_ROUNDED: dict[str, Callable[[datetime], When]] = {
    "day": on_day,
    "week": near_day_of_week,
    "month": in_month,
    "year": in_year,
}


def _delta(unit: str, amount: int) -> relativedelta:
    return {
        "day": relativedelta(days=amount),
        "week": relativedelta(weeks=amount),
        "month": relativedelta(months=amount),
        "year": relativedelta(years=amount),
    }[unit]


def _amount(words: Sequence[str]) -> tuple[int | None, str]:
    unit = next(word.rstrip("s") for word in words if word.rstrip("s") in UNITS)
    numbers = [_number(word) for word in words]
    return max((n for n in numbers if n is not None), default=None), unit


def _number(word: str) -> int | None:
    if word.isascii() and word.isdigit() and len(word) <= 4:
        return int(word)
    return NUMBERS.get(word)


def of_duration(said: Said) -> When | None:
    """ "for 4 years" in the perfect is "since 2019", which stays true."""
    start = _shifted(said, -1)
    return start and When(None, "since", start.words)


def of_month(said: Said) -> When | None:
    """Resolve "May", "May 2021", "May next year"; without a year the nearest in the tense's way."""
    words = _with_year(said)
    month = _month_number(words[0])
    if len(words) > 1:
        return in_month(said.today().replace(year=int(words[-1]), month=month, day=1))
    return in_month(_nearest_month(said.today(), month, said.past, now_counts=True))


def of_day_of_month(said: Said) -> When | None:
    """Resolve "12 June", "June 12th, 2023", "12 June this year"; the year as for months."""
    words = [word for word in _with_year(said) if word not in {"the", "of", ","}]
    month = next(_month_number(word) for word in words if _is_month(word))
    numbers = [int(_digits(word)) for word in words if _digits(word)]
    if len(numbers) > 1:
        return on_day(said.today().replace(year=numbers[1], month=month, day=numbers[0]))
    return on_day(_nearest_day(said, month, numbers[0]))


def _with_year(said: Said) -> tuple[str, ...]:
    """The words, a "next year" at their end as its number."""
    if said.words[-1] != "year":
        return said.words
    year = said.now.year + {"last": -1, "next": 1}.get(said.words[-2], 0)
    return (*said.words[:-2], str(year))


def of_week_of(said: Said) -> When | None:
    """Resolve "the week of 5 May", "the week beginning May 5th": the week that the day is in."""
    day = of_day_of_month(replace(said, words=said.words[3:]))
    if day is None or day.event is None:
        return None
    time = day.event.time
    return in_week(time - timedelta(days=time.weekday()))


def _nearest_day(said: Said, month: int, day: int) -> datetime:
    today = said.today()
    date = today.replace(month=month, day=day)
    if said.past and date > today:
        return date.replace(year=date.year - 1)
    if not said.past and date < today:
        return date.replace(year=date.year + 1)
    return date


def of_year(said: Said) -> When | None:
    """Resolve "2019"."""
    year = int(said.words[0])
    if not _FIRST_YEAR <= year <= _LAST_YEAR:
        return None
    return in_year(said.today().replace(year=year, month=1, day=1))


def _digits(word: str) -> str:
    stem = word[:-2] if word[-2:] in {"st", "nd", "rd", "th"} else word
    return stem if stem.isascii() and stem.isdigit() else ""


def _is_month(word: str) -> bool:
    return word in MONTHS or word in SHORT_MONTHS


def _month_number(word: str) -> int:
    return MONTHS.index(SHORT_MONTHS.get(word, word)) + 1
