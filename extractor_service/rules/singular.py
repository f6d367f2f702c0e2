"""What somebody has but one of: a birthday, an address, a number to call."""

from __future__ import annotations

from spacy.tokens import Token

from extractor_service.reading import Claim
from extractor_service.rules.acts import Act, main_part, owner_name, owner_of, values
from extractor_service.rules.claims import claim
from extractor_service.rules.tense import is_past
from extractor_service.rules.words import word_set

_SINGULAR = word_set("birthday address hometown email nationality surname nickname username")
_CALLED = word_set("phone telephone mobile cell")
_LATEST = word_set("new current")
_ADDED = frozenset({"compound", "amod"})


def singular(act: Act) -> Claim | None:
    """ "Alice's birthday is on 3 May", "Alice's new phone number is 0612 345 907"."""
    subject = act.clause.subject
    if act.lemma != "be" or not act.present or subject is None:
        return None
    attribute, owner = _attribute(subject), owner_of(subject)
    said = (*act.objects(), *act.children("prep", "npadvmod", "advmod"))
    value = frozenset(t.lower_ for o in said for t in main_part(o) if t.pos_ in {"PROPN", "NUM"})
    if not attribute or owner is None or not (value or values(said)):
        return None
    return claim(act, attribute, value or values(said), subject=owner_name(owner))


def new_number(act: Act) -> Claim | None:
    """ "Alice has got a new phone number, 0612 345 907"."""
    got = act.lemma == "get" and is_past(act.clause.head)
    if not act.holds or not (got or (act.lemma == "have" and act.present)):
        return None
    for thing in act.children("dobj"):
        new = any(t.lower_ == "new" for t in thing.lefts)
        numbers = frozenset(t.lower_ for t in thing.subtree if t.like_num)
        if new and numbers and _is_number(thing):
            return claim(act, _attribute(thing), numbers)
    return None


def _attribute(noun: Token) -> str:
    """The name of what there is but one of: "address", "work phone number"; "" for all else."""
    before = (t for t in noun.subtree if t.i < noun.i and t.dep_ in _ADDED)
    added = [t.lower_ for t in before if t.lower_ not in _LATEST]
    if _is_number(noun):
        return " ".join([*added, "number"])
    if noun.lemma_ == "address" and "email" in added:
        return "email"
    return noun.lemma_.lower() if noun.lemma_ in _SINGULAR else ""


def _is_number(noun: Token) -> bool:
    return noun.lemma_ == "number" and any(t.lower_ in _CALLED for t in noun.lefts)
