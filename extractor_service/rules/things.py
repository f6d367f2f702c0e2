"""The things a text speaks of, for an "it" or "they" in what is said next."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from spacy.tokens import Span, Token

from extractor_service.rules.names import full_name
from extractor_service.rules.people import RELATIONS, THEY
from extractor_service.rules.speaker import FIRST_PERSON, SECOND_PERSON, Participants
from extractor_service.rules.words import word_set

# What is asked or told about comes first: "Do you like the new flat?", "The flat is new".
_RANKS = ("dobj", "nsubj", "nsubjpass", "attr", "ROOT", "pobj", "conj")
_VAGUE = word_set(
    "thing lot bit way time stuff kind one day week weekend month year moment today tonight "
    "tomorrow yesterday morning evening night luck news help thank idea question fun place people "
    "life sense part side word congrat congrats hey hi wow bye love work plan photo pic picture "
    "difference impact effect fave favorite favourite joy comfort calm deal future family step "
    "shock point reason case chance feeling nature"
)
_DATED = frozenset({"DATE", "TIME"})
_NAMES_NO_THING = frozenset({"PERSON", "DATE", "TIME", "CARDINAL", "ORDINAL"})
_LONGEST_COMPLEMENT = 4
_PLURAL = frozenset({"NNS", "NNPS"})


@dataclass(frozen=True, slots=True)
class Thing:
    """A thing as one may name it elsewhere: "the red car", "Alice's garden"."""

    words: str
    plural: bool


def things(parts: Iterable[Span], who: Participants) -> tuple[Thing, ...]:
    """The things spoken of in these sentences, the one that a pronoun most likely means first."""
    return tuple(thing for part in reversed(list(parts)) for thing in things_in(part, who))


def things_in(part: Span, who: Participants) -> Iterator[Thing]:
    """The things of one sentence, the likeliest first."""
    nouns = [token for token in part if _is_thing(token, who)]
    for noun in sorted(nouns, key=lambda noun: (_RANKS.index(noun.dep_), noun.i)):
        words = _words(noun, who)
        if words is not None:
            yield Thing(words, noun.tag_ in _PLURAL)


def thing_meant(pronoun: Token, known: Sequence[Thing]) -> str | None:
    """The words for the thing that this "it" or "they" means, as far as number tells."""
    plural = pronoun.lower_ in THEY
    return next((thing.words for thing in known if thing.plural == plural), None)


def _is_thing(token: Token, who: Participants) -> bool:
    if token.dep_ not in _RANKS or token.ent_type_ in _NAMES_NO_THING:
        return False
    if token.pos_ == "PROPN":
        return bool(token.ent_type_) and token.is_title and not who.includes(token.text)
    if token.pos_ != "NOUN" or token.lemma_.lower() in _VAGUE:
        return False
    if token.tag_ in _PLURAL:
        return True
    countable = any(child.dep_ in {"det", "poss"} for child in token.lefts)
    return countable and token.lemma_.lower() not in RELATIONS


def _words(noun: Token, who: Participants) -> str | None:
    if noun.pos_ == "PROPN":
        return full_name(noun)
    owner = next((child for child in noun.lefts if child.dep_ == "poss"), None)
    possessor = "the" if owner is None else _possessor(owner, who)
    if possessor is None:
        return None
    left = [t.text for t in noun.lefts if t.dep_ in {"amod", "compound", "nummod"} and t.is_alpha]
    return " ".join([possessor, *left, noun.text, *_complement(noun)])


def _possessor(owner: Token, who: Participants) -> str | None:
    if owner.lower_ in FIRST_PERSON:
        return f"{who.speaker}'s"
    if owner.lower_ in SECOND_PERSON:
        return f"{who.other}'s" if who.other else None
    if owner.pos_ == "PROPN":
        return f"{full_name(owner)}'s"
    return None


def _complement(noun: Token) -> list[str]:
    """The "of clay" of "the pot of clay", the "to Japan" of "the trip to Japan"."""
    for link in noun.rights:
        inside = list(link.subtree)
        plain = all(token.pos_ != "PRON" for token in inside)
        there = link.lower_ == "to" and any(t.pos_ == "PROPN" for t in link.children)
        if (link.lower_ == "of" or there) and plain and len(inside) <= _LONGEST_COMPLEMENT:
            return [token.text for token in inside if not token.is_punct]
    return []
