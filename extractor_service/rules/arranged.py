"""Dates that lie ahead of a past verb: "I booked a flight for 19 July"."""

from __future__ import annotations

from spacy.tokens import Span, Token

from extractor_service.rules.called_off import is_event
from extractor_service.rules.words import word_set

_ARRANGING = word_set(
    "book make schedule arrange reserve get buy plan set fix order confirm register sign enter "
    "purchase apply invite ask postpone"
)
_PUTTING_OFF = word_set(
    "postpone reschedule delay push move slip slide shift change switch extend bring"
)
_ARRANGED = word_set(
    "appointment ticket flight reservation booking seat table room slot meeting interview viewing "
    "session lesson class course train hotel trip tour party date"
)
_TAKING = word_set("book reserve schedule arrange plan")
_RENTING = word_set("rent hire lease")
_SHOWS = word_set("opera ballet play musical film movie premiere final train ferry bus coach")
_DAYS = frozenset({"weekday", "turned_weekday", "day_of_month"})
_RANGE = "day_range"


def is_arranging(verb: Token | None) -> bool:
    """Whether it is done for something that is yet to come: "booked", "scheduled"."""
    return verb is not None and verb.lemma_ in _ARRANGING


def is_arranged(date: Span, verb: Token | None) -> bool:
    """Whether the date is that of a thing arranged, and not of the arranging."""
    if verb is None or not date.start:
        return False
    preposition = date.doc[date.start - 1]
    if preposition.lower_ == "now" and verb.lemma_ in _PUTTING_OFF:  # "it moved, now 10 July"
        return True
    arranging = verb.lemma_ in _ARRANGING
    if date.label_ == _RANGE and verb.lemma_ in _TAKING:
        return True
    if verb.lemma_ in _PUTTING_OFF and preposition.lower_ in {"to", "until", "till"}:
        return True
    if preposition.lower_ == "for":
        return arranging or date.label_ in _DAYS
    thing = preposition.head
    qualifies = preposition.pos_ == "ADP" and thing.dep_ == "dobj" and thing.head == verb
    of_thing = qualifies and thing.lemma_ in _ARRANGED
    return arranging and (of_thing or _is_of_a_show(preposition, verb))


def is_rented(date: Span, verb: Token | None) -> bool:
    """ "We rented a cottage from 14 to 28 July": a range that may be past or to come."""
    return date.label_ == _RANGE and verb is not None and verb.lemma_ in _RENTING


def _is_of_a_show(preposition: Token, verb: Token) -> bool:
    """ "A ticket for the concert on 5 May", whatever the parser hangs the "on" on."""
    if not preposition.i:
        return False
    show = preposition.nbor(-1)
    link, ticket = show.head, show.head.head
    shown = is_event(show) or show.lemma_ in _SHOWS or show.pos_ == "PROPN"
    bought = ticket.head == verb and ticket.dep_ == "dobj" and ticket.lemma_ in _ARRANGED
    return preposition.pos_ == "ADP" and link.lower_ in {"for", "to"} and shown and bought
