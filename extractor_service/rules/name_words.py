"""Which words may be somebody's name, in capitals or in small letters."""

from __future__ import annotations

from spacy.tokens import Token

from extractor_service.rules.animate import is_said_of_people
from extractor_service.rules.dictionary import is_listed
from extractor_service.rules.names import is_among_things
from extractor_service.rules.when import MONTHS
from extractor_service.rules.words import word_set

_NARROWING = frozenset({"det", "poss", "amod", "nummod", "compound"})
_SUBJECTS = frozenset({"nsubj", "nsubjpass"})
_NOUN_PLACES = _SUBJECTS | {"dobj", "pobj", "dative", "poss", "attr"}
_PLACES_OF_NAMES = _SUBJECTS | {"dobj", "dative", "appos", "conj", "advcl", "npadvmod"}
_SHORTEST_NAME = 3
_SEEING = word_set(
    "meet go see talk speak chat hang travel live stay play walk run hike dance sing spend trip "
    "breakfast brunch lunch dinner coffee tea drink beer"
)
_USING = word_set(
    "love like hate prefer enjoy use play watch read learn speak study drive write run try need "
    "buy order install"
)


def is_name(token: Token) -> bool:
    """In capitals: "Roelof", "Siobhan", and not "the Alma"."""
    capital = token.text[0].isupper() and not _is_of_a_thing(token)
    labelled = token.pos_ == "NOUN" and bool(token.ent_type_) and token.is_title
    return capital and (token.pos_ == "PROPN" or labelled)


def _is_of_a_thing(name: Token) -> bool:
    """ "The Alma" and "LS6" are nobody's names; "on Zed" may be, as in "a crush on Tom"."""
    return name.dep_ == "compound" or (name.dep_ != "pobj" and is_among_things(name))


def is_small_name(token: Token) -> bool:
    """ "orla cancelled", "mick's number", and not "traffic was awful"."""
    if not (token.is_lower and token.is_alpha) or _is_narrowed(token) or _is_month(token):
        return False
    if _is_unlisted(token):
        return True
    if token.pos_ not in {"PROPN", "NOUN"} or token.tag_ not in {"NN", "NNP"}:
        return False
    proper = token.pos_ == "PROPN" and token.dep_ in _PLACES_OF_NAMES
    return proper or is_seen(token) or is_owner(token) or is_said_of_people(token)


def _is_month(token: Token) -> bool:
    """ "Since may", "on aug": no dates to the model."""
    if token.dep_ in _SUBJECTS or len(token) < _SHORTEST_NAME:
        return False
    return any(month.startswith(token.lower_) for month in MONTHS)


def _is_narrowed(noun: Token) -> bool:
    """ "The tim", and not "taylor swift"."""
    whole = noun.pos_ == "PROPN"
    return any(t.dep_ in _NARROWING for t in noun.lefts if not (whole and t.pos_ == "PROPN"))


def _is_unlisted(token: Token) -> bool:
    """Whether this is no English word, but where a noun may stand, whatever it is tagged."""
    noun = token.pos_ == "PROPN" or token.dep_ in _NOUN_PLACES
    open_ = token.pos_ in {"PROPN", "NOUN", "VERB", "ADJ", "ADV"}
    return noun and open_ and len(token) >= _SHORTEST_NAME and not is_listed(token)


def may_be_a_word(name: Token) -> bool:
    """ "Party at Ann's", "Understood": what opens a sentence is in capitals anyway."""
    return bool(name.is_sent_start) and is_listed(name) and not is_said_of_people(name)


def is_used(name: Token) -> bool:
    """ "I work at Google", "we love Italy": who follows is hardly the one named so."""
    if name.ent_type_ == "PERSON":
        return False
    home = name.dep_ == "pobj" and name.head.lower_ == "from" and name.head.head.lemma_ == "be"
    return home or is_among_things(name) or (name.dep_ == "dobj" and name.head.lemma_ in _USING)


def is_owner(token: Token) -> bool:
    """ "Mick's number"."""
    return token.dep_ == "poss" and any(child.dep_ == "case" for child in token.rights)


def is_seen(name: Token) -> bool:
    """ "I gave Tom a book", "I had dinner with Tom", and not "I work with Python"."""
    beside = name.dep_ == "pobj" and name.head.lower_ == "with"
    return name.dep_ == "dative" or (beside and name.head.head.lemma_ in _SEEING)
