"""The people a text names or describes, and which of them a pronoun means."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from spacy.tokens import Doc, Token

from extractor_service.rules.kin import PETS, RELATIONS, gender_of, is_own_kin
from extractor_service.rules.names import (
    bearer,
    full_name,
    is_among_things,
    is_met,
    lives,
    names_event,
    names_partner,
    names_place,
)
from extractor_service.rules.speaker import ASSISTANT, FIRST_PERSON, Participants
from extractor_service.rules.words import word_set

SHE = frozenset({"she", "her", "hers", "herself"})
HE = frozenset({"he", "him", "his", "himself"})
THEY = frozenset({"they", "them", "their", "theirs", "themselves"})
THIRD_PERSON = SHE | HE | THEY


@dataclass(frozen=True, slots=True)
class Mention:
    """Someone named ("Emma") or described ("Alice's mother"), at token `start` of this text.

    `gender` is "f", "m", or "" when the text does not say. `start` is -1 for an earlier text.
    `kind` is "person", "pet" or "org" for a name, "" for a description. `relation` is what they
    are to `owner`: "sister" of "Alice". `supplied`: the text itself does not name them.
    `described` says whose name it is as far as the text does: "Alice's brother". `possible`: it
    may be nobody, or nobody known; `unnamed` if the name is not sure enough to stand for them.
    """

    name: str
    gender: str
    plural: bool
    start: int
    kind: str
    relation: str = ""
    owner: str = ""
    supplied: bool = False
    described: str = ""
    possible: bool = False
    unnamed: bool = False


def mentions(doc: Doc, who: Participants) -> tuple[Mention, ...]:
    """Everyone but the participants that the text mentions, in reading order."""
    return tuple(mention for token in doc if (mention := _mention(token, who)) is not None)


def relation_name(relation: Token) -> Token | None:
    """The name that stands beside a relation: Emma in "my sister Emma"."""
    names = (child for child in relation.children if child.dep_ == "appos")
    return next((name for name in names if name.pos_ == "PROPN"), None)


def is_relation(token: Token) -> bool:
    """Whether the token is somebody in the speaker's life: "my sister", "our dogs"."""
    return token.lemma_.lower() in RELATIONS and _owner(token) is not None


def _mention(token: Token, who: Participants) -> Mention | None:
    if who.speaker != ASSISTANT and is_own_kin(token):
        return _own_kin(token, who)
    if token.pos_ == "PROPN":
        return _named(token, who)
    if not is_relation(token) or _is_named(token):
        return None
    # "My husband and I" are told of the speaker: nobody's name is wanted in between.
    joint = any(t.dep_ == "conj" and t.lower_ in FIRST_PERSON for t in token.children)
    relation = "" if joint or _is_being_named(token) else description(token).lower()
    plural = token.tag_ == "NNS"
    return Mention(
        _told(token, who),
        gender_of(token.lemma_.lower()),
        plural,
        token.i,
        "",
        relation,
        who.speaker,
    )


def _own_kin(token: Token, who: Participants) -> Mention:
    """The mother of "mum can't have oats"."""
    kin, owner = token.lower_, who.speaker
    told, gender = f"{owner}'s {kin}", gender_of(kin)
    return Mention(told, gender, plural=False, start=token.i, kind="", relation=kin, owner=owner)


def _is_being_named(relation: Token) -> bool:
    """ "My brother's name is John", "my brother is called John": of the one described so."""
    head = relation.head
    if relation.dep_ == "poss":
        return head.lemma_.lower() in _NAMES
    return relation.dep_ in {"nsubj", "nsubjpass"} and head.lemma_ in _CALLING


def _named(name: Token, who: Participants) -> Mention | None:
    relation = _relation_of(name)
    is_person = relation is not None or _reads_as_person(name)
    known = any(who.includes(part) for part in full_name(name).split())
    if not is_person or known or not name.text[0].isupper():
        return None
    told_as = relation or (name.head if name.dep_ == "appos" else bearer(name))
    gender = gender_of(told_as.lemma_.lower()) if told_as else ""
    lemma = relation.lemma_.lower() if relation else ""
    kind = "pet" if lemma in PETS else "person"
    # "We adopted a dog called Rex": the speaker's, unless said otherwise.
    own = relation is not None and (_owner(relation) is not None or _is_taken_in(relation))
    relation_, owner = (lemma, who.speaker) if own else ("", "")
    return Mention(
        full_name(name),
        gender,
        plural=False,
        start=name.i,
        kind=kind,
        relation=relation_,
        owner=owner,
        described=_told(relation, who) if relation and is_relation(relation) else "",
    )


def _is_taken_in(relation: Token) -> bool:
    """ "I have a dog called Rex"."""
    takes = relation.dep_ == "dobj" and relation.head.lemma_ in _TAKING
    subjects = (child for child in relation.head.children if child.dep_ == "nsubj")
    return takes and any(subject.lower_ in FIRST_PERSON for subject in subjects)


def _reads_as_person(name: Token) -> bool:
    if name.dep_ == "compound" or names_place(name) or names_event(name) or is_among_things(name):
        return False
    if is_where_from(name):
        return False
    if names_partner(name):
        return True
    if name.ent_type_:
        return name.ent_type_ == "PERSON"
    return is_met(name) or lives(name)


def is_where_from(name: Token) -> bool:
    """ "My teacher is from Lima", "she's from Lima", and not "the letter is from Emma"."""
    if name.dep_ != "pobj" or name.head.lower_ != "from" or name.head.head.lemma_ != "be":
        return False
    subjects = [child for child in name.head.head.children if child.dep_ == "nsubj"]
    return any(t.lower_ in _SOMEBODY or t.lemma_.lower() in RELATIONS for t in subjects)


def _relation_of(name: Token) -> Token | None:
    """The relation that a name is an apposition of ("my sister Emma"), modified by, or given to."""
    if name.dep_ == "appos" and is_relation(name.head):
        return name.head
    called = bearer(name)
    if called is not None and called.lemma_.lower() in RELATIONS:
        return called
    if (named := _whose_name(name)) is not None:
        return named
    beside = (t for t in name.lefts if t.lemma_.lower() in RELATIONS and t.dep_ in _MODIFIERS)
    return next(beside, None)


def _whose_name(name: Token) -> Token | None:
    """The sister of "my sister's name is Emma", the boss of "my boss is Ann"."""
    subject = next((t for t in name.head.lefts if t.dep_ in {"nsubj", "nsubjpass"}), None)
    given = name.dep_ in {"attr", "oprd", "dobj"} and name.head.lemma_ in _GIVING_NAMES
    if not given or subject is None:
        return None
    if name.head.lemma_ == "be" and is_relation(subject):
        return subject
    if subject.lemma_ != "name":
        return None
    # "My moms name is Ann": without the apostrophe she is no "poss".
    owners = (child for child in subject.children if child.dep_ in {"poss", "compound"})
    return next((t for t in owners if t.lemma_.lower() in RELATIONS), None)


_SOMEBODY = word_set("i you he she we they who")
_GIVING_NAMES = word_set("be call spell write")
_MODIFIERS = frozenset({"compound", "nmod", "appos"})
_NAMES = word_set("name surname nickname spelling")
_CALLING = word_set("call name spell")
_TAKING = word_set("have adopt get own buy")


def _is_named(relation: Token) -> bool:
    return relation_name(relation) is not None or _owner(relation) is None


def _owner(token: Token) -> Token | None:
    owners = (child for child in token.children if child.dep_ == "poss")
    return next((owner for owner in owners if owner.lower_ in FIRST_PERSON), None)


def _told(relation: Token, who: Participants) -> str:
    return f"{who.speaker}'s {description(relation)}"


def description(relation: Token) -> str:
    """What somebody is, with the words that tell them from others: "older sister"."""
    return " ".join(_described(relation))


def _described(relation: Token) -> Iterator[str]:
    for token in relation.lefts:
        if token.dep_ in {"amod", "compound", "nummod"}:
            yield token.text
    yield relation.text
