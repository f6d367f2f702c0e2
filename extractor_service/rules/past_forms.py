"""Verbs whose past is spelled as their present: "I hurt my knee on Tuesday"."""

from __future__ import annotations

from spacy.tokens import Token

from extractor_service.rules.clauses import AUXILIARIES, SUBJECTS
from extractor_service.rules.date_rules import SEASONS, SHORT_MONTHS, WEEKDAYS
from extractor_service.rules.inflect import is_gotta
from extractor_service.rules.tense import governing_verb
from extractor_service.rules.when import MONTHS
from extractor_service.rules.words import word_set

_SAME = word_set(
    "hurt put cut set let hit quit read shut split spread cast burst shed bet upset reset"
)
# What one tells of these once is over, also without a date.
_DONE = frozenset({"hurt", "quit"})
# What the tagger takes for an order at the beginning of a sentence.
_PAST_ALONE = word_set(
    "lost got met went bought made took had saw found won came gave began started finished "
    "visited moved tried decided joined signed adopted learned helped worked spent played"
)
_POINTS = {*WEEKDAYS, *MONTHS, *SHORT_MONTHS, *SEASONS} | word_set(
    "yesterday today ago last recently weekend morning afternoon evening"
)
_AHEAD = word_set("tomorrow next tonight soon coming")
_OFTEN = word_set("always usually often sometimes never mostly normally generally")
_TIMES = {*WEEKDAYS} | word_set("day week weekend month year time morning afternoon evening night")
_NOT_ONE_OTHER = word_set("i we you they u")


def true_tag(verb: Token) -> str:
    """The tag of a verb, corrected where its spelling leaves the tense to the words around it."""
    if is_gotta(verb):
        return "VBP"
    if verb.tag_ in {"VB", "VBP"} and verb.lower_ in _PAST_ALONE and _opens(verb):
        return "VBD"
    if verb.tag_ not in {"VBP", "VB", "VBD"} or verb.lower_ not in _SAME:
        return verb.tag_
    subject = next((child for child in verb.children if child.dep_ in SUBJECTS), None)
    if subject is None or any(child.dep_ in AUXILIARIES for child in verb.children):
        return verb.tag_
    if is_habitual(verb):
        return "VBP" if subject.lower_ in _NOT_ONE_OTHER else verb.tag_
    return "VBD" if _is_over(verb) else verb.tag_


def _opens(verb: Token) -> bool:
    """Whether it stands first in its sentence, with nobody who does it: "Lost my keys"."""
    ahead = [t for t in verb.doc[verb.sent.start : verb.i] if not (t.is_punct or t.is_space)]
    return all(token.pos_ in {"ADV", "INTJ"} for token in ahead)


def is_habitual(verb: Token) -> bool:
    """Whether it is done "always", "usually", "every Monday"."""
    often = any(child.lower_ in _OFTEN for child in verb.children)
    return often or any(
        token.lower_ in {"every", "each"} and token.head.lower_ in _TIMES for token in verb.subtree
    )


def _is_over(verb: Token) -> bool:
    said = {token.lower_ for token in verb.subtree if governing_verb(token) == verb}
    done = verb.lower_ in _DONE and any(child.dep_ == "dobj" for child in verb.children)
    return not said & _AHEAD and (done or bool(said & _POINTS))
