"""Whom or what a clause is about, by its subject."""

from __future__ import annotations

import enum

from spacy.tokens import Token

from extractor_service.rules.clauses import Clause
from extractor_service.rules.home_and_work import WORKERS
from extractor_service.rules.kin import RELATIONS
from extractor_service.rules.people import THIRD_PERSON, Mention
from extractor_service.rules.speaker import FIRST_PERSON, SECOND_PERSON, Participants
from extractor_service.rules.words import word_set

_OF_PEOPLE = WORKERS | word_set("pregnant allergic celiac coeliac diabetic")
_DIETS = word_set("vegan vegetarian pescatarian")
_SIGHTS = word_set("pic photo picture image shot snap snapshot selfie view one")


class About(enum.Enum):
    """Whom a clause is about, by its subject."""

    SPEAKER = enum.auto()
    LISTENER = enum.auto()
    PERSON = enum.auto()
    OWN_THING = enum.auto()
    OTHER = enum.auto()


def about(clause: Clause, who: Participants, people: tuple[Mention, ...]) -> About:
    """Whom the clause is about; a clause without a subject is about its speaker."""
    subject = clause.subject
    if subject is None:
        return About.OTHER if clause.children("expl") else About.SPEAKER
    said = {subject.lower_} | {t.lower_ for t in subject.children if t.dep_ == "conj"}
    if said & FIRST_PERSON:
        return About.SPEAKER
    if said & SECOND_PERSON:
        return About.LISTENER
    if said & THIRD_PERSON or _is_person(subject, who, people) or _is_called_human(clause):
        return About.PERSON
    owners = {t.lower_ for t in subject.subtree if t.dep_ == "poss"}
    return About.OWN_THING if owners & (FIRST_PERSON | THIRD_PERSON) else About.OTHER


def _is_person(subject: Token, who: Participants, people: tuple[Mention, ...]) -> bool:
    related = subject.lemma_.lower() in RELATIONS and any(t.dep_ == "poss" for t in subject.lefts)
    known = related or any(m.start == subject.i and not m.possible for m in people)
    return known or (subject.pos_ == "PROPN" and who.includes(subject.text))


def stays_away(clause: Clause) -> bool:
    """ "Emma can't come"."""
    able = any(t.lower_ in {"can", "ca"} for t in clause.auxiliaries)
    return able and bool(clause.children("neg")) and clause.head.lemma_ in {"come", "attend"}


def _is_called_human(clause: Clause) -> bool:
    """ "Emma is a doctor", "emma is pregnant", whatever the model takes her for.

    A singular noun without an article is a name, and not what "dinner is vegan" tells of.
    """
    subject = clause.subject
    if subject is None or any(subject.lefts):
        return False
    proper = subject.pos_ == "PROPN"
    if clause.head.lemma_ != "be":
        return proper and stays_away(clause)
    told = _OF_PEOPLE | _DIETS if proper else _OF_PEOPLE
    said = [t for t in clause.children("attr", "acomp") if t.lemma_.lower() in told]
    praised = any(child.tag_ == "JJS" for t in said for child in t.lefts)
    return bool(said) and not praised and (proper or subject.tag_ == "NN")


def points_at_a_sight(clause: Clause) -> bool:
    """ "This pic is so sweet": about what those who were there could see."""
    subject = clause.subject
    return is_pointed_at(subject) and subject is not None and subject.lemma_.lower() in _SIGHTS


def is_pointed_at(subject: Token | None) -> bool:
    """ "This picture", "those moments": known to those who were there."""
    pointers = {"this", "that", "these", "those"}
    return subject is not None and any(t.lower_ in pointers for t in subject.lefts)
