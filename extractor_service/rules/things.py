"""The things a text speaks of, for an "it" or "they" in what is said next."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from spacy.tokens import Span, Token

from extractor_service.rules.clauses import subject_of
from extractor_service.rules.home_and_work import WORKERS
from extractor_service.rules.kin import RELATIONS
from extractor_service.rules.names import full_name, names_event, names_place
from extractor_service.rules.people import THEY
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
# The labels that the small model gives to nobody: half of all first names are places to it.
_NAMES_THING = frozenset({"PRODUCT", "WORK_OF_ART", "LANGUAGE"})
_SOMEBODY = RELATIONS | WORKERS
_LONGEST_COMPLEMENT = 4
_PLURAL = frozenset({"NNS", "NNPS"})
_DWELLING = word_set("live reside stay move relocate settle work study")
_SAID_OF_TOWNS = word_set(
    "be love like hate dislike adore enjoy miss prefer visit leave explore tour remind"
)
_SAID_OF_OTHER_PLACES = word_set("visit explore tour")


@dataclass(frozen=True, slots=True)
class Thing:
    """A thing as one may name it elsewhere: "the red car", "Alice's garden".

    `verbs` are those of which alone it may be the "it", None if of any: nobody buys a town.
    """

    words: str
    plural: bool
    verbs: frozenset[str] | None = None

    def fits(self, verb: Token) -> bool:
        """Whether this verb can be said of it."""
        return self.verbs is None or verb.lemma_.lower() in self.verbs


def things(parts: Iterable[Span], who: Participants) -> tuple[Thing, ...]:
    """The things spoken of in these sentences, the one that a pronoun most likely means first."""
    return tuple(thing for part in reversed(list(parts)) for thing in things_in(part, who))


def things_in(part: Span, who: Participants) -> Iterator[Thing]:
    """The things of one sentence, the likeliest first."""
    nouns = [token for token in part if _is_thing(token, who)]
    for noun in sorted(nouns, key=lambda noun: (_RANKS.index(noun.dep_), noun.i)):
        words = _words(noun, who)
        if words is not None:
            yield Thing(words, noun.tag_ in _PLURAL, _verbs(noun, who))


def thing_meant(pronoun: Token, known: Sequence[Thing]) -> str | None:
    """The words for the thing that this "it" or "they" means, as far as number and verb tell."""
    plural = pronoun.lower_ in THEY
    fitting = (thing for thing in known if thing.plural == plural and thing.fits(pronoun.head))
    return next((thing.words for thing in fitting), None)


def _is_thing(token: Token, who: Participants) -> bool:
    if token.dep_ not in _RANKS or token.ent_type_ in _NAMES_NO_THING:
        return False
    if token.pos_ == "PROPN":
        return token.is_title and not who.includes(token.text) and _names_thing(token)
    if token.pos_ != "NOUN" or token.lemma_.lower() in _VAGUE:
        return False
    if token.tag_ in _PLURAL:
        return True
    countable = any(child.dep_ in {"det", "poss"} for child in token.lefts)
    return countable and token.lemma_.lower() not in _SOMEBODY


def _names_thing(name: Token) -> bool:
    """By the place it stands in, or "the" before it: the model takes people for all the rest."""
    if not name.ent_type_:
        return False
    surely = name.ent_type_ in _NAMES_THING or any(child.dep_ == "det" for child in name.lefts)
    return surely or names_place(name) or names_event(name)


def _verbs(noun: Token, who: Participants) -> frozenset[str] | None:
    """What can be said of a town, and of a place that only others are said to be in."""
    if noun.dep_ != "pobj":
        return None
    town = noun.pos_ == "PROPN" and names_place(noun)
    verb = next((t for t in noun.ancestors if subject_of(t) is not None), None)
    if verb is not None and (town or verb.lemma_ in _DWELLING) and not _is_ours(verb, who):
        return _SAID_OF_OTHER_PLACES
    return _SAID_OF_TOWNS if town else None


def _is_ours(verb: Token, who: Participants) -> bool:
    """Whether it is said of one of those who speak with each other."""
    subject = subject_of(verb)
    said = [] if subject is None else [subject, *subject.children]
    joint = [token for token in said if token == subject or token.dep_ == "conj"]
    named = any(t.pos_ == "PROPN" and who.includes(t.text) for t in joint)
    return named or any(t.lower_ in FIRST_PERSON | SECOND_PERSON for t in joint)


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
