"""What is said of people only, so that a name of which it is said is somebody's."""

from __future__ import annotations

from spacy.tokens import Token

from extractor_service.rules.home_and_work import WORKERS
from extractor_service.rules.kin import RELATIONS
from extractor_service.rules.names import is_among_things, is_met, lives
from extractor_service.rules.people import HE, SHE
from extractor_service.rules.words import word_set

_DOING = word_set(
    "cry laugh smile sing dance cook graduate retire sleep snore sneeze chat promise apologise "
    "apologize complain forget remember divorce teach babysit volunteer"
)
_FEELING = word_set(
    "sick ill unwell pregnant thrilled happy sad angry upset tired exhausted excited nervous "
    "worried scared afraid jealous proud furious hungry lonely married single divorced engaged "
    "widowed retired vegan vegetarian allergic diabetic coeliac celiac"
)
_OF_A_LIFE = RELATIONS | word_set("birthday bday wedding funeral surgery pregnancy childhood")
_BEING_SOMEBODY = RELATIONS | WORKERS
_SUBJECTS = frozenset({"nsubj", "nsubjpass"})


def is_said_of_people(name: Token) -> bool:
    """ "Roelof is sick", "Briella's birthday", "I met Sven", and not "Docker is great"."""
    if is_among_things(name):
        return False
    if name.dep_ == "poss":
        return name.head.lemma_.lower() in _OF_A_LIFE
    if name.dep_ not in _SUBJECTS:
        return is_met(name) or name.dep_ == "dative"
    verb = name.head
    return lives(name) or verb.lemma_ in _DOING or _is_somebody(verb) or _does_to_own(name)


def _is_somebody(verb: Token) -> bool:
    """ "Is sick", "must be thrilled", "is a nurse", "are friends"."""
    if verb.lemma_ != "be":
        return verb.lower_ in _FEELING  # "thrilled" is a passive to the parser
    told = (child for child in verb.children if child.dep_ in {"acomp", "attr"})
    return any(t.lemma_.lower() in _FEELING | _BEING_SOMEBODY for t in told)


def _does_to_own(name: Token) -> bool:
    """ "Eero broke his leg"."""
    return any(t.lower_ in SHE | HE and t.dep_ == "poss" for t in name.head.subtree)
