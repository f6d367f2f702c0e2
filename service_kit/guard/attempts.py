"""What a text may try on the memory, or on the model that will read it."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import NamedTuple


class Attempt(StrEnum):
    """What is tried; the value is a metric label."""

    OVERRIDE = "override"
    STANDING_ORDER = "standing_order"
    NEW_ROLE = "new_role"
    SPEAKS_AS_ANOTHER = "speaks_as_another"
    PROBE = "probe"
    TOOL_CALL = "tool_call"
    HIDDEN_TEXT = "hidden_text"


class Rule(NamedTuple):
    """A pattern on plain text (see `plain`); at least one hint is in each text that it matches.

    Looking for hints first spares most texts the pattern, which takes five times as long. In a
    pattern no repetition without a bound stands inside another, or before something that may fail.
    """

    attempt: Attempt
    hints: tuple[str, ...]
    pattern: re.Pattern[str]

    def matches(self, text: str) -> bool:
        """Whether the plain text tries this."""
        return any(hint in text for hint in self.hints) and self.pattern.search(text) is not None


def rule(attempt: Attempt, hints: str, pattern: str) -> Rule:
    """A rule; its hints are separated by spaces."""
    return Rule(attempt, tuple(hints.split()), re.compile(pattern, re.MULTILINE))
