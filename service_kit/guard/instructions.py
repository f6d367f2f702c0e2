"""Whether a text tries to instruct the memory, or the model that will read it.

A first line of defence, not a guarantee: rules on wording, which can be worded
around. What they find should be kept out of prompts; what they do not is still only data there.
"""

from __future__ import annotations

from service_kit.guard.attempts import Attempt
from service_kit.guard.plain import hides_something, readings, words_of
from service_kit.guard.rules_abroad import ABROAD
from service_kit.guard.rules_english import ENGLISH, RUN_TOGETHER
from service_kit.guard.rules_markup import MARKUP

_IN_WORDS = (*ENGLISH, *ABROAD, RUN_TOGETHER)


def tries_to_instruct(text: str) -> bool:
    """Whether the text is an order to its reader rather than something to know."""
    return attempt_in(text) is not None


def attempt_in(text: str) -> Attempt | None:
    """What the text tries, by the first rule that matches; None for ordinary talk.

    Time is linear in the text's length.
    """
    if hides_something(text):
        return Attempt.HIDDEN_TEXT
    for reading in readings(text):
        words = words_of(reading)
        for rules, plain in ((MARKUP, reading), (_IN_WORDS, words)):
            for rule in rules:
                if rule.matches(plain):
                    return rule.attempt
    return None
