"""How somebody wants to be answered and reached: of each only the last holds."""

from __future__ import annotations

from spacy.tokens import Token

from extractor_service.reading import Claim
from extractor_service.rules.acts import Act
from extractor_service.rules.claims import claim
from extractor_service.rules.wish_forms import LANGUAGES, LONG, SHORT
from extractor_service.rules.words import word_set

_WANTING = word_set("want prefer")
_ANSWERS = word_set("answer reply response explanation")
_REACHING = word_set("contact reach notify")


def wanted(act: Act) -> Claim | None:
    """ "Alice wants answers in German", "wants short answers", "to be contacted by email"."""
    if act.clause.head.lemma_ not in _WANTING or not act.present:
        return None
    answers = [t for t in act.children("dobj") if t.lemma_.lower() in _ANSWERS]
    if answers:
        return _of_language(act) or _of_length(act, answers[0])
    reached = [t for t in act.clause.children("xcomp") if t.lemma_ in _REACHING]
    return _by_way(act, reached[0]) if reached else None


def _of_language(act: Act) -> Claim | None:
    said = frozenset(t.lower_ for t in act.placed("in")) & LANGUAGES
    return claim(act, "answer language", said) if said else None


def _of_length(act: Act, answers: Token) -> Claim | None:
    """Of all answers, and not of those "in this chat" or "from the kids"."""
    said = {t.lower_ for t in answers.lefts}
    some = any(t.dep_ == "prep" for t in (*answers.rights, *act.verb.rights))
    if some or not said & (SHORT | LONG):
        return None
    return claim(act, "answer length", {"short" if said & SHORT else "long"})


def _by_way(act: Act, reached: Token) -> Claim | None:
    """Of "by email, not by phone" the email: whatever else there was is given up for it."""
    links = [t for t in reached.children if t.lower_ == "by" and t.nbor(-1).lower_ != "not"]
    ways = frozenset(t.lower_ for link in links for t in link.children if t.dep_ == "pobj")
    return claim(act, "contact way", ways) if ways else None
