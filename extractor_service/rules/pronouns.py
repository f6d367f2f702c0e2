"""What stands for each pronoun in a self-contained sentence."""

from __future__ import annotations

from dataclasses import dataclass, replace

from spacy.tokens import Token

from extractor_service.rules.antecedents import referent
from extractor_service.rules.clauses import SUBJECTS, Clause
from extractor_service.rules.expletives import points_at_nothing
from extractor_service.rules.kin import RELATIONS
from extractor_service.rules.known import PERSON, alone_fitting
from extractor_service.rules.people import HE, SHE, THEY, THIRD_PERSON, Mention
from extractor_service.rules.several import companion, means_several
from extractor_service.rules.speaker import FIRST_PERSON, SECOND_PERSON, Participants
from extractor_service.rules.things import Thing, thing_meant
from extractor_service.rules.words import word_set

_POSSESSIVE = word_set("my mine our ours your yours ur his their theirs hers its")
_REFLEXIVE = word_set("myself ourselves yourself")
_THINGS = word_set("it its itself")
_POINTERS = word_set("this that these those here there one such")
_ONE = frozenset({"one"})
_STANDING_ALONE = frozenset({"nsubj", "nsubjpass", "dobj", "pobj"})
_NOT_POINTING = word_set("det mark predet amod")
_REFERABLE = frozenset({"dobj", "pobj", "appos", "conj"}) | SUBJECTS
_PLURAL = frozenset({"NNS", "NNPS"})


class UnresolvedError(Exception):
    """A pronoun whose person or thing is not known: the words around it mean nothing alone."""


@dataclass(frozen=True, slots=True)
class Around:
    """What a pronoun may point at outside its clause.

    `people` stand in the order they were mentioned, `before` are the words that the memory already
    holds when the clause joins it, `things` the ones just spoken of, the likeliest first, and
    `known` are those known from before: both are guesses.
    """

    who: Participants
    people: tuple[Mention, ...]
    before: tuple[Token, ...] = ()
    things: tuple[Thing, ...] = ()
    known: tuple[Mention, ...] = ()

    def supplied(self, token: Token) -> Mention | None:
        """Whom this word means, if their name has to be put beside it."""
        return next((m for m in self.people if m.supplied and m.start == token.i), None)

    def own(self, token: Token) -> str:
        """The "Alice's dad" for the "dad" of whom Alice says no "my"; "" where it is none."""
        if any(child.dep_ in {"poss", "det"} for child in token.lefts):
            return ""
        here = (m for m in self.people if m.start == token.i and m.relation and not m.possible)
        kin = (m for m in here if m.owner == self.who.speaker and (m.supplied or not m.kind))
        meant = next(kin, None)
        if meant is None or not meant.supplied:
            return meant.name if meant else ""
        return f"{meant.owner}'s {meant.relation} {meant.name}"

    def after(self, before: tuple[Token, ...]) -> Around:
        """The same, for a clause that joins a memory of these words."""
        return replace(self, before=before)

    def among(self, things: tuple[Thing, ...], known: tuple[Mention, ...] = ()) -> Around:
        """The same, where these things were just spoken of, and these people are known."""
        people = {m.name for m in (*self.people, *known) if m.kind == PERSON}
        parts = {part for name in people for part in (name, *name.split())}
        nobody = tuple(thing for thing in things if thing.words not in parts)
        return replace(self, things=nobody, known=known)


def standing_for(token: Token, clause: Clause, around: Around) -> str | None:
    """The words to put for a pronoun, None to leave the token. Raises UnresolvedError."""
    word = token.lower_
    if named := _named_elsewhere(token, around):
        return named
    if word in FIRST_PERSON and token.tag_ not in {"NN", "CD"}:
        return _for_first_person(token, around.who.speaker)
    if word in SECOND_PERSON:
        return _name(token, _known(around.who.other))
    if word in THIRD_PERSON:
        return _for_third_person(token, clause, around)
    if not _points_away(token, clause) or _said_before(token, clause, around):
        return None
    return _name(token, _thing(token, around))


def _for_first_person(pronoun: Token, speaker: str) -> str:
    name = _name(pronoun, speaker)
    return f"{name} and {companion(pronoun) or 'others'}" if means_several(pronoun) else name


def _named_elsewhere(token: Token, around: Around) -> str | None:
    """ "Alice's mum" for the "mum" that she speaks of, "sister Emma" for the "sister" who is Emma,
    and "Alice's" for the "the" of her dog.
    """
    if kin := around.own(token):
        return kin
    if token.pos_ == "NOUN" and (meant := around.supplied(token)):
        return f"{token.text} {meant.name}"
    if token.dep_ == "det" and token.lower_ == "the" and (meant := around.supplied(token.head)):
        return f"{meant.owner}'s"
    return None


def first_thing(verb: Token, around: Around) -> str:
    """The thing that a sentence without a subject is about. Raises UnresolvedError."""
    fitting = (t for t in around.things if not t.plural and t.fits(verb))
    return _known(next((thing.words for thing in fitting), None))


def _thing(token: Token, around: Around) -> str:
    """The thing that this "it" or "they" means."""
    known = around.things if token.lower_ in _THINGS | THEY else ()
    return _known(thing_meant(token, known))


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


def _for_third_person(pronoun: Token, clause: Clause, around: Around) -> str | None:
    if pronoun != clause.subject and _is_bound(pronoun, clause):
        return None
    meant = referent(pronoun.lower_, [m for m in around.people if m.start < pronoun.i])
    if meant is not None:
        return _for_somebody(pronoun, meant, clause, around)
    if any(_is_meant_before(pronoun, token) for token in around.before):
        return None
    name = alone_fitting(pronoun.lower_, around.known)
    return _name(pronoun, name or _thing(pronoun, around))


def _for_somebody(pronoun: Token, meant: Mention, clause: Clause, around: Around) -> str | None:
    """Their name; the pronoun itself where its words say who may be meant, but not for sure."""
    if meant.possible and any(t.i == meant.start for t in (*around.before, *clause.tokens)):
        return None
    if meant.unnamed:
        raise UnresolvedError
    return _name(pronoun, meant.name)


def _said_before(token: Token, clause: Clause, around: Around) -> bool:
    """Whether the memory names what the pronoun points at ahead of it: no "one" is Emma."""
    ahead = (*around.before, *(t for t in clause.tokens if t.i < token.i))
    named = (t for t in ahead if t.pos_ in {"NOUN", "PROPN"})
    if token.lower_ in _ONE:
        return any(not _is_somebody(t, around) for t in named)
    return any(named)


def _is_somebody(noun: Token, around: Around) -> bool:
    known = any(m.start == noun.i and m.kind == PERSON for m in around.people)
    return known or noun.ent_type_ == "PERSON" or noun.lemma_.lower() in RELATIONS


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


def _is_meant_before(pronoun: Token, noun: Token) -> bool:
    """Whether a noun of an earlier clause fits: a town is no "she"."""
    living = noun.lemma_.lower() in RELATIONS
    return _may_be_meant(pronoun, noun) and (living or pronoun.lower_ in THEY)


def _same_kind(pronoun: Token, subject: Token) -> bool:
    return any({pronoun.lower_, subject.lower_} <= kind for kind in (SHE, HE, THEY))


def _points_away(token: Token, clause: Clause) -> bool:
    word = token.lower_
    if points_at_nothing(token):
        return False
    if word in _THINGS:
        return not _has_thing_before(token, clause)
    if word in _ONE and token.tag_ == "CD":
        counted = any(child.lower_ in {"of", "in"} for child in token.rights)
        return token.dep_ in _STANDING_ALONE and not counted
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
