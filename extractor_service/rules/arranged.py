"""Dates that lie ahead of a past verb: "I booked a flight for 19 July"."""

from __future__ import annotations

from spacy.tokens import Span, Token

from extractor_service.rules.words import word_set

_ARRANGING = word_set(
    "book make schedule arrange reserve get buy plan set fix order confirm register sign enter "
    "purchase apply invite ask postpone"
)
_PUTTING_OFF = word_set("postpone reschedule delay push move")
_ARRANGED = word_set(
    "appointment ticket flight reservation booking seat table room slot meeting interview viewing "
    "session lesson class course train hotel trip tour party date"
)
_DAYS = frozenset({"weekday", "turned_weekday", "day_of_month"})


def is_arranging(verb: Token | None) -> bool:
    """Whether it is done for something that is yet to come: "booked", "scheduled"."""
    return verb is not None and verb.lemma_ in _ARRANGING


def is_arranged(date: Span, verb: Token | None) -> bool:
    """Whether the date is that of a thing arranged, and not of the arranging."""
    if verb is None or not date.start:
        return False
    preposition = date.doc[date.start - 1]
    arranging = verb.lemma_ in _ARRANGING
    if verb.lemma_ in _PUTTING_OFF and preposition.lower_ in {"to", "until", "till"}:
        return True
    if preposition.lower_ == "for":
        return arranging or date.label_ in _DAYS
    thing = preposition.head
    qualifies = preposition.pos_ == "ADP" and thing.dep_ == "dobj" and thing.head == verb
    return arranging and qualifies and thing.lemma_ in _ARRANGED
