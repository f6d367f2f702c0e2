"""Proper names: how far one reaches, and what the words around it say that it names."""

from __future__ import annotations

from itertools import takewhile

from spacy.tokens import Token

from extractor_service.rules.words import has_digit, word_set

HOLIDAYS = word_set(
    "easter christmas halloween thanksgiving hanukkah chanukah ramadan eid diwali holi passover "
    "purim lent pentecost kwanzaa hogmanay nowruz midsummer"
)
OCCASIONS = word_set(
    "marathon triathlon race festival cup championship championships conference parade olympics"
)
_GOING = word_set(
    "go come move relocate return travel fly drive cycle sail walk hike head emigrate arrive "
    "commute transfer trip flight train bus journey ride"
)
_PLACES = word_set("town city village place country island suburb neighborhood neighbourhood area")
_TRUSTING = word_set("believe trust confide interested")
_PAIRING = {"to": word_set("engage engaged marry married"), "with": word_set("break date flirt")}
_NAMING = frozenset({"call", "name"})
_NAMED = frozenset({"oprd", "attr", "dobj", "appos"})
# Only people do these, so that a name which the small model does not know is a person's.
_LIVING = word_set("love like hate prefer enjoy work live study marry own eat")
_MEETING = word_set("meet marry date call hug")
_AMID_THINGS = word_set("on at in into onto via inside within through under using")
_HAILING = word_set("hey hi hello hiya thanks bye")


def full_name(name: Token) -> str:
    """A name with the proper nouns before it that the parser hangs on it: "Emma Stone"."""
    run = {name}
    before = (name.doc[i] for i in range(name.i - 1, name.sent.start - 1, -1))
    for token in takewhile(lambda t: _is_part(t, run), before):
        run.add(token)
    first = min(token.i for token in run if token.pos_ == "PROPN")
    parts = name.doc[first : name.i + 1]
    return "".join(f"{t.text}{' ' if t.whitespace_ else ''}" for t in parts).strip()


def _is_part(token: Token, run: set[Token]) -> bool:
    named = token.pos_ == "PROPN" and token.dep_ in {"compound", "nmod"}
    return (named or token.tag_ == "HYPH") and token.head in run


def names_event(name: Token) -> bool:
    """Whether this is a feast or an occasion, whatever the model takes it for: "at Easter"."""
    return name.lower_ in HOLIDAYS | OCCASIONS


def names_place(name: Token) -> bool:
    """Whether the name stands where hardly anything but a place can: "moved to Lima"."""
    called = bearer(name)
    if called is not None:
        return called.lemma_.lower() in _PLACES
    if name.dep_ == "dobj":
        return name.head.lemma_ == "visit" and any(t.lower_ == "the" for t in name.lefts)
    if name.dep_ != "pobj":
        return False
    preposition = name.head
    if preposition.lower_ in {"in", "near"}:
        return preposition.head.lemma_.lower() not in _TRUSTING
    return preposition.lower_ in {"to", "from"} and preposition.head.lemma_.lower() in _GOING


def names_partner(name: Token) -> bool:
    """Whether only somebody can be there: "engaged to Tom", "broke up with Tom"."""
    if name.dep_ != "pobj":
        return False
    return name.head.head.lemma_ in _PAIRING.get(name.head.lower_, frozenset())


def is_met(name: Token) -> bool:
    """ "I met Sven": only people are."""
    return name.dep_ == "dobj" and name.head.lemma_ in _MEETING


def lives(name: Token) -> bool:
    """ "Sven studies", "Sven hates it": only people do."""
    return name.dep_ == "nsubj" and name.head.lemma_ in _LIVING


def is_among_things(name: Token) -> bool:
    """ "On Zed", "the Alma", "LS6": where hardly anybody's name can stand; and who is hailed."""
    if has_digit(name.text) or _is_hailed(name):
        return True
    if any(child.dep_ == "det" for child in name.lefts):
        return True
    return name.dep_ == "pobj" and name.head.lower_ in _AMID_THINGS


def _is_hailed(name: Token) -> bool:
    """ "Hey Mel": the one who is spoken to."""
    before = [t.lower_ for t in name.doc[max(name.i - 2, 0) : name.i] if not t.is_punct]
    return name.dep_ != "pobj" and before[-1:] != [] and before[-1] in _HAILING


def bearer(name: Token) -> Token | None:
    """Who or what is said to be called so: the teacher of "my teacher is called Ingrid"."""
    verb = name.head
    if name.dep_ not in _NAMED or verb.lemma_ not in _NAMING or verb.tag_ != "VBN":
        return None
    if verb.dep_ == "acl":
        return verb.head
    return next((child for child in verb.children if child.dep_ == "nsubjpass"), None)
