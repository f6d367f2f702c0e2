"""How much a passage says: whether a remark that fits no frame is worth remembering.

The weight counts content words: nouns, names, numbers, adjectives and verbs that are no stop words
and not empty ("thing", "lot", "great"). What the speaker says of themselves weighs more, what they
say of the listener weighs less, and a remark that opens like a pleasantry counts half.
"""

from __future__ import annotations

from collections.abc import Sequence

from spacy.tokens import Token

from extractor_service.rules.speaker import FIRST_PERSON, SECOND_PERSON
from extractor_service.rules.words import word_set

LIGHTEST_REMARK = 4.0
"""What a remark that fits no frame must weigh."""

LIGHTEST_TALK = 6.0
"""What must weigh a passage that reads like talk for the listener throughout."""

_CONTENT = frozenset({"NOUN", "PROPN", "NUM", "ADJ", "VERB"})
_SELF = 1.5
_LISTENER = 1.5
_PLEASANTRY = 0.5
_OPENINGS = word_set(
    "thanks thank wow cool great yeah yep congrats hey hi hello awesome nice sounds glad can't "
    "good keep let sure absolutely definitely totally aw bye take no you your"
)


def weight(tokens: Sequence[Token]) -> float:
    """Content words, more for the speaker's own matters and less for the listener's."""
    said = {token.lower_ for token in tokens}
    total = float(sum(1 for token in tokens if token.pos_ in _CONTENT and not token.is_stop))
    total += _SELF * bool(said & FIRST_PERSON) - _LISTENER * bool(said & SECOND_PERSON)
    return total * _PLEASANTRY if tokens[0].lower_ in _OPENINGS else total
