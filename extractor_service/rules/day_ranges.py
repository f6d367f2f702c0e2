"""From one day to another, "14 to 28 July": known by the day on which it begins."""

from __future__ import annotations

import re
from datetime import datetime

from dateutil.relativedelta import relativedelta

from extractor_service.domain import EventTime, Precision
from extractor_service.rules.date_rules import SHORT_MONTHS, Said
from extractor_service.rules.when import MONTHS, When, day_words

_DAY = re.compile(r"\b([0-3]?\d)(?:st|nd|rd|th)?\b")
_YEAR = re.compile(r"\b(?:19|20)\d\d\b")
_A_YEAR = relativedelta(years=1)


def of_day_range(said: Said) -> When | None:
    """Resolve "14 to 28 July", "July 14-28", "28 June to 3 July 2024"."""
    text = " ".join(said.words)
    days = [int(day) for day in _DAY.findall(text)]
    months = [n for word in said.words if (n := _month_number(word))]
    first, last = _span(said, _YEAR.findall(text), (days[0], months[0]), (days[-1], months[-1]))
    if first > last:
        return None
    return When(EventTime(first, Precision.DAY), "from", range_words(first, last))


def _span(
    said: Said, years: list[str], first: tuple[int, int], last: tuple[int, int]
) -> tuple[datetime, datetime]:
    """The first and the last day, (day, month) given: of this year, or of the one that is meant."""
    today = said.today()
    end = today.replace(day=last[0], month=last[1], year=int(years[-1]) if years else today.year)
    begin = end.replace(day=first[0], month=first[1])
    if begin > end and first[1] > last[1]:
        begin -= _A_YEAR
    if not years and said.past and begin > today:
        return begin - _A_YEAR, end - _A_YEAR
    if not years and not said.past and end < today:
        return begin + _A_YEAR, end + _A_YEAR
    return begin, end


def range_words(first: datetime, last: datetime) -> str:
    """From one day to another: "14 to 28 July 2023"."""
    if first.year != last.year:
        return f"{day_words(first)} to {day_words(last)}"
    same_month = first.month == last.month
    begin = first.day if same_month else day_words(first).removesuffix(f" {first.year}")
    return f"{begin} to {day_words(last)}"


def _month_number(word: str) -> int:
    name = SHORT_MONTHS.get(word, word)
    return MONTHS.index(name) + 1 if name in MONTHS else 0
