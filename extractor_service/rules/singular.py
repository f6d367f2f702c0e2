"""What somebody has but one of: a birthday, an address, a number to call, a budget."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from spacy.tokens import Token

from extractor_service.reading import NOTHING, Claim
from extractor_service.rules.acts import (
    Act,
    act_of,
    is_date,
    is_denied,
    main_part,
    owner_name,
    owner_of,
    values,
    words_in_order,
)
from extractor_service.rules.claims import claim, is_done, owner_unsaid
from extractor_service.rules.clauses import Clause
from extractor_service.rules.date_rules import WEEKDAYS
from extractor_service.rules.tense import is_past
from extractor_service.rules.words import has_digit, word_set

_SINGULAR = word_set("birthday address hometown email nationality surname nickname username")
# What is said of these has a number in it: how much, how many, what day, what time.
_MEASURED = word_set("budget deadline headcount rent salary wage standup")
_OFFERED = word_set("salary wage")
# Of these it is how much: when the rent is due is another matter.
_SUMS = word_set("budget headcount rent salary wage")
_COUNTED = word_set("guest head user")
_CALLED = word_set("phone telephone mobile cell")
_LATEST = word_set("new current latest final total overall updated revised")
_ADDED = frozenset({"compound", "amod"})
_CHANGING = word_set(
    "change move go drop fall rise increase decrease slip shrink grow jump shift push extend "
    "raise cut lower reduce set update bump"
)
_LEAST_DIGITS = 7
"""Of a number that is one to call, unless it begins as only those do."""


def singular(act: Act) -> Claim | None:
    """ "Alice's birthday is on 3 May", "Alice's new phone number is 0612 345 907"."""
    subject = act.clause.subject
    if act.lemma != "be" or not act.present or subject is None:
        return None
    if subject.lemma_.lower() in _SUMS and any(t.lower_ == "due" for t in act.children("acomp")):
        return None
    said = [*act.objects(), *act.children("prep", "npadvmod", "advmod")]
    return _put(act, subject, said)


def changed(act: Act) -> Claim | None:
    """ "Alice moved the deadline to 24 April 2023", "the budget has to go down to 20k"."""
    verb = next((t for t in act.children("xcomp") if act.lemma in {"have", "need"}), act.verb)
    done = act.holds and (is_done(act) or (verb is not act.verb and act.present))
    if verb.lemma_.lower() not in _CHANGING or not done:
        return None
    thing = next((t for t in verb.children if t.dep_ == "dobj"), None)
    what, owner = (act.clause.subject, "") if thing is None else (thing, act.subject)
    said = replace(act, verb=verb).placed("to")
    return _put(act, what, said, owner=owner) if what is not None and said else None


def put_anew(first: Clause, second: Clause) -> Claim | None:
    """ "Alice's email changed, it is c@d.cz"."""
    points = second.subject is not None and second.subject.lower_ == "it"
    act = act_of(replace(second, subject=first.subject)) if points else None
    changes = first.head.lemma_.lower() in _CHANGING and not is_denied(first.head)
    return singular(act) if changes and act is not None and is_past(first.head) else None


def budgeted(act: Act) -> Claim | None:
    """ "Alice has a budget of 25,000 euros", "Alice has a deadline on 17 April 2023"."""
    things = [t for t in act.children("dobj") if t.lemma_.lower() in _MEASURED]
    if act.lemma != "have" or not act.present or not act.holds or len(things) != 1:
        return None
    return _put(act, things[0], [*things, *act.placed("on", "at")], owner=act.subject)


def new_number(act: Act) -> Claim | None:
    """ "Alice has got a new phone number, 0612 345 907"."""
    got = act.lemma == "get" and is_past(act.clause.head)
    if not act.holds or not (got or (act.lemma == "have" and act.present)):
        return None
    for thing in act.children("dobj"):
        new = any(t.lower_ == "new" for t in thing.lefts)
        numbers = frozenset(t.lower_ for t in thing.subtree if t.like_num)
        attribute = _attribute(thing, numbers)
        if new and numbers and attribute.endswith("number"):
            return claim(act, attribute, numbers)
    return None


def _put(act: Act, what: Token, said: Sequence[Token], owner: str = "") -> Claim | None:
    """What is said of something that somebody has but one of."""
    parts = [t for o in said for t in main_part(o)]
    value = frozenset(t.lower_ for t in parts if t.pos_ in {"PROPN", "NUM"} or has_digit(t.text))
    attribute, whose = _attribute(what, value), owner_of(what)
    named = "" if whose is None else owner_name(whose)
    if _is_measured(what):
        named = named or owner or _owner_unsaid(act, what)
        value = value if any(has_digit(t.text) for t in parts) else NOTHING
    else:
        value = value or values(said)
    if not attribute or not named or not value:
        return None
    return claim(act, attribute, value, subject=named, exclusive=not _is_weekly(act))


def _owner_unsaid(act: Act, what: Token) -> str:
    """Of "the rent" who speaks of it, and not of "the rent in Paris" or of an offered salary."""
    links = [t for t in act.clause.own if t.dep_ == "prep"]
    elsewhere = any(t.pos_ == "PROPN" and not is_date(t) for link in links for t in link.children)
    hearsay = any(t.lower_ == "according" for t in act.verb.children)
    offered = what.lemma_.lower() in _OFFERED
    return "" if elsewhere or hearsay or offered else owner_unsaid(what)


def _attribute(noun: Token, value: frozenset[str]) -> str:
    """The name of what there is but one of: "address", "work phone number"; "" for all else."""
    before = (t for t in noun.subtree if t.i < noun.i and t.dep_ in _ADDED)
    added = [t.lower_ for t in before if t.lower_ not in _LATEST]
    if _is_number(noun):
        return " ".join([*added, "number"])
    if noun.lemma_ == "number" and not added and _is_called(value):
        return "phone number"
    if noun.lemma_ == "address" and "email" in added:
        return "email"
    if _is_measured(noun):
        kind = "count" if noun.lemma_ == "list" else noun.lemma_.lower()
        return " ".join([*added, kind, *_of_what(noun)])
    return noun.lemma_.lower() if noun.lemma_ in _SINGULAR else ""


def _is_measured(noun: Token) -> bool:
    counted = any(t.lower_ in _COUNTED for t in noun.lefts if t.dep_ == "compound")
    return noun.lemma_.lower() in _MEASURED or (counted and noun.lemma_ in {"count", "list"})


def _of_what(noun: Token) -> list[str]:
    """The flowers of "the budget for flowers", and not the 25k of "a budget of 25k"."""
    links = (t for t in noun.rights if t.lower_ in {"of", "for"})
    parts = [t for link in links for t in link.subtree]
    return [] if any(has_digit(t.text) for t in parts) else list(words_in_order(parts, dates=False))


def _is_called(value: frozenset[str]) -> bool:
    """Whether this is a number that one calls: "0612 345 907"."""
    digits = [char for word in value for char in word if char.isdigit()]
    begins = any(word[0] in "0+" for word in value)
    return begins or len(digits) >= _LEAST_DIGITS


def _is_weekly(act: Act) -> bool:
    """Of a day of the week there may be others, with as much again."""
    return any(t.lower_.rstrip("s") in WEEKDAYS for t in act.clause.own)


def _is_number(noun: Token) -> bool:
    return noun.lemma_ == "number" and any(t.lower_ in _CALLED for t in noun.lefts)
