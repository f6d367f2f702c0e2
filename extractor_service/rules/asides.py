"""What stands beside a statement in its sentence and states nothing of its own."""

from __future__ import annotations

from spacy.tokens import Token

from extractor_service.rules.words import word_set

_SUBJECTS = frozenset({"nsubj", "nsubjpass", "csubj", "csubjpass"})
_ERRING = word_set("wrong mistaken")
_LEAVING = word_set("go run leave dash bounce")
_BARE = word_set("aux punct intj prt")
# What the tagger takes for a noun where it opens an order: "Book a table for two".
_ORDERING = word_set("book order text email mail schedule reserve message phone")
_ORDERED = word_set("a an the my our me us some")


def is_aside(token: Token) -> bool:
    """Whether it heads such words: "(it) turns out", "I was wrong", "gotta run", "book a table"."""
    return turns_out(token) or _admits(token) or _takes_leave(token) or _orders(token)


def turns_out(verb: Token) -> bool:
    """ "Turns out I'm allergic to nuts": what turns out is the statement."""
    if verb.lemma_ != "turn" or not any(child.lower_ == "out" for child in verb.children):
        return False
    stated = any(child.dep_ == "ccomp" and _subject(child) for child in verb.children)
    return stated and _subject(verb) in {"", "it"}


def _admits(verb: Token) -> bool:
    """ "I was wrong", and not "I was wrong to leave"."""
    if verb.lemma_ != "be" or _subject(verb) != "i":
        return False
    errors = [t for t in verb.children if t.dep_ == "acomp" and t.lower_ in _ERRING]
    return any(all(t.dep_ in {"advmod", "prep", "punct"} for t in e.children) for e in errors)


def _takes_leave(verb: Token) -> bool:
    """ "Gotta run, climbing", and not "I have to go to the dentist"."""
    if verb.lemma_ not in {"get", "have"} or _subject(verb) not in {"", "i", "we"}:
        return False
    leaving = [t for t in verb.children if t.dep_ == "xcomp" and t.lemma_ in _LEAVING]
    when = any(child.dep_ in {"npadvmod", "prep"} for child in verb.children)
    gotta = any(child.lower_ == "ta" for go in leaving for child in go.children)
    bare = _BARE | {"prep"} if gotta and not _subject(verb) else _BARE  # "Gotta go to standup"
    return not when and any(all(t.dep_ in bare for t in go.children) for go in leaving)


def _orders(noun: Token) -> bool:
    if noun.pos_ not in {"NOUN", "PROPN"} or noun.lower_ not in _ORDERING:
        return False
    opens = noun.i == noun.sent.start and noun.i + 1 < len(noun.doc)
    return opens and noun.nbor().lower_ in _ORDERED


def _subject(verb: Token) -> str:
    return next((child.lower_ for child in verb.children if child.dep_ in _SUBJECTS), "")
