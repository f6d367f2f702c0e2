"""What stands for each pronoun in a self-contained sentence."""

from __future__ import annotations

from collections.abc import Sequence

from spacy.tokens import Token

from extractor_service.rules.clauses import SUBJECTS, Clause
from extractor_service.rules.people import HE, SHE, THEY, THIRD_PERSON, Mention, referent
from extractor_service.rules.speaker import FIRST_PERSON, SECOND_PERSON, Participants
from extractor_service.rules.words import word_set

_POSSESSIVE = word_set("my mine our ours your yours ur his their theirs hers")
_REFLEXIVE = word_set("myself ourselves yourself")
_THINGS = word_set("it its itself")
_POINTERS = word_set("this that these those here there one such")
_NOT_POINTING = word_set("det mark predet amod")
_REFERABLE = frozenset({"dobj", "pobj", "appos", "conj"}) | SUBJECTS
_PLURAL = frozenset({"NNS", "NNPS"})


class UnresolvedError(Exception):
    """A pronoun whose person or thing is not known: the words around it mean nothing alone."""


def standing_for(
    token: Token, clause: Clause, who: Participants, earlier: Sequence[Mention]
) -> str | None:
    """The words to put for a pronoun, None to leave the token. Raises UnresolvedError."""
    word = token.lower_
    if word in FIRST_PERSON and token.tag_ not in {"NN", "CD"}:
        return _name(token, who.speaker)
    if word in SECOND_PERSON:
        return _name(token, _known(who.other))
    if word in THIRD_PERSON:
        return _for_third_person(token, clause, earlier)
    if _points_away(token, clause):
        raise UnresolvedError
    return None


def _known(name: str | None) -> str:
    if name is None:
        raise UnresolvedError
    return name


def _name(pronoun: Token, name: str) -> str:
    if pronoun.lower_ in _REFLEXIVE:
        return "themself"
    if not _is_possessive(pronoun):
        return name
    plural_description = name.endswith("s") and "'s " in name
    return f"{name}'" if plural_description else f"{name}'s"


def _is_possessive(pronoun: Token) -> bool:
    return pronoun.lower_ in _POSSESSIVE or (pronoun.lower_ == "her" and pronoun.tag_ == "PRP$")


def _for_third_person(pronoun: Token, clause: Clause, earlier: Sequence[Mention]) -> str | None:
    if pronoun != clause.subject and _is_bound(pronoun, clause):
        return None
    name = referent(pronoun.lower_, [m for m in earlier if m.start < pronoun.i])
    return _name(pronoun, _known(name))


def _is_bound(pronoun: Token, clause: Clause) -> bool:
    """Whether the clause itself says before the pronoun who is meant."""
    if clause.subject is not None and _same_kind(pronoun, clause.subject):
        return True
    before = (token for token in clause.tokens if token.i < pronoun.i)
    return any(_may_be_meant(pronoun, token) for token in before)


def _may_be_meant(pronoun: Token, noun: Token) -> bool:
    if noun.pos_ not in {"NOUN", "PROPN"} or noun.dep_ not in _REFERABLE:
        return False
    many = noun.tag_ in _PLURAL or noun.dep_ == "conj"
    return noun.ent_type_ != "DATE" and many == (pronoun.lower_ in THEY)


def _same_kind(pronoun: Token, subject: Token) -> bool:
    return any({pronoun.lower_, subject.lower_} <= kind for kind in (SHE, HE, THEY))


def _points_away(token: Token, clause: Clause) -> bool:
    word = token.lower_
    if word in _THINGS:
        return not _has_thing_before(token, clause)
    if token.dep_ == "expl":
        return True
    if word not in _POINTERS or token.dep_ in _NOT_POINTING or token.tag_ in {"WDT", "IN", "CD"}:
        return False
    if token.pos_ not in {"PRON", "DET", "ADV", "NOUN"} or (word == "one" and token.n_rights):
        return False
    return not (token.dep_ == "nsubj" and token.head.dep_ == "relcl")


def _has_thing_before(token: Token, clause: Clause) -> bool:
    return any(
        t.i < token.i and t.pos_ == "NOUN" and t.dep_ in {"dobj", "pobj", "attr"}
        for t in clause.tokens
    )
