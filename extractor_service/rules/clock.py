"""Clock times beside a date: "tomorrow at 6pm", "tonight at 9"."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import time

from spacy.tokens import Token

from extractor_service.rules.words import word_list, word_set

_NAMED = {"noon": time(12), "midday": time(12), "midnight": time(0)}
_HOURS = re.compile(r"^(\d{1,2})(?::([0-5]\d))?$")
_NOON = 12
_SPELLED = {
    word: hour
    for hour, word in enumerate(
        word_list("one two three four five six seven eight nine ten eleven twelve"), start=1
    )
}
_MORNING = word_set("morning breakfast")
_EVENING = word_set(
    "tonight evening night afternoon dinner supper table restaurant concert gig party drinks pub "
    "bar film movie cinema theatre theater opera"
)
_BOOKED = word_set("book booked reserve reserved")
_NIGHT = word_set("tonight night")
_SMALL_HOURS = 5
_FIRST_OF_A_DAY = 7
"""The hour before which nobody means the morning without saying so."""


def clock_time(tokens: Sequence[Token]) -> time | None:
    """The one clock time among the tokens; None when there is none, or more than one."""
    found = [clock for _, clock in _clocks(tokens)]
    return found[0] if len(found) == 1 else None


def bare_hour(tokens: Sequence[Token]) -> tuple[Token, time] | None:
    """The 9 of "tonight at 9", and what clocks show then, if it is the only clock time."""
    found = list(_clocks(tokens))
    bare = [(token, clock) for token, clock in found if _stated(token, tokens) is None]
    return bare[0] if len(found) == 1 and bare else None


def _clocks(tokens: Sequence[Token]) -> Iterator[tuple[Token, time]]:
    for token in tokens:
        clock = _stated(token, tokens) or _meant(token, tokens)
        if clock is not None:
            yield token, clock


def _stated(token: Token, tokens: Sequence[Token]) -> time | None:
    """Of "6pm", "18:00" and "noon"."""
    if token.lower_ in _NAMED:
        return _NAMED[token.lower_]
    match = _HOURS.match(token.lower_)
    if match is None:
        return None
    half = _half_of_day(token, tokens)
    hour, minute = int(match[1]), int(match[2] or 0)
    if half and 1 <= hour <= _NOON:
        return time(hour % _NOON + _NOON * (half == "pm"), minute)
    return time(hour, minute) if match[2] and hour < 2 * _NOON else None


def _half_of_day(token: Token, tokens: Sequence[Token]) -> str:
    after = next((t for t in tokens if t.i == token.i + 1), None)
    half = after.lower_.replace(".", "") if after is not None else ""
    return half if half in {"am", "pm"} else ""


def _meant(token: Token, tokens: Sequence[Token]) -> time | None:
    """Of "at 9", by the part of the day and the occasion that are spoken of.

    Without either it is one of the twelve hours from 7 in the morning on.
    """
    said = token.lower_
    hour = _SPELLED.get(said) or (int(said) if said.isascii() and said.isdecimal() else 0)
    if token.dep_ != "pobj" or token.head.lower_ != "at" or not 1 <= hour <= _NOON:
        return None
    if any(child.dep_ != "punct" and child.lower_ != "in" for child in token.children):
        return None  # "at 9 Baker Street", and not "at 9 in the morning"
    words = {t.lower_ for t in tokens}
    if words & _NIGHT and (hour < _SMALL_HOURS or hour == _NOON):
        return None  # of this night or of the next
    if words & _MORNING:
        return time(hour % _NOON)
    if words & _BOOKED and not words & _EVENING and hour >= _FIRST_OF_A_DAY:
        return None  # "I've booked it for Friday at 8": whatever it is
    late = bool(words & _EVENING) or hour < _FIRST_OF_A_DAY or hour == _NOON
    return time(hour % _NOON + _NOON * late)
