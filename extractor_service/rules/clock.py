"""Clock times beside a date: "tomorrow at 6pm"."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import time

from spacy.tokens import Token

_NAMED = {"noon": time(12), "midday": time(12), "midnight": time(0)}
_HOURS = re.compile(r"^(\d{1,2})(?::([0-5]\d))?$")
_NOON = 12


def clock_time(tokens: Sequence[Token]) -> time | None:
    """The one clock time among the tokens; None when there is none, or more than one."""
    following = (*tokens[1:], None)
    found = [
        clock
        for token, after in zip(tokens, following, strict=True)
        if (clock := _clock(token, after)) is not None
    ]
    return found[0] if len(found) == 1 else None


def _clock(token: Token, after: Token | None) -> time | None:
    if token.lower_ in _NAMED:
        return _NAMED[token.lower_]
    match = _HOURS.match(token.lower_)
    if match is None:
        return None
    half = after.lower_.replace(".", "") if after is not None else ""
    hour, minute = int(match[1]), int(match[2] or 0)
    if half in {"am", "pm"} and 1 <= hour <= _NOON:
        return time(hour % _NOON + _NOON * (half == "pm"), minute)
    return time(hour, minute) if match[2] and hour < 2 * _NOON else None
