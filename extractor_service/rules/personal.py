"""What is somebody's own: name, age, what they like best, whom they are with."""

from __future__ import annotations

from spacy.tokens import Token

from extractor_service.reading import Claim
from extractor_service.rules.acts import (
    Act,
    main_part,
    names_in,
    owner_name,
    owner_of,
    values,
    words_in_order,
)
from extractor_service.rules.claims import claim
from extractor_service.rules.contracted import AMOUNTS
from extractor_service.rules.kin import RELATIONS
from extractor_service.rules.same_words import same_phrase
from extractor_service.rules.tense import is_past
from extractor_service.rules.words import word_set

_STATUSES = word_set("married single divorced engaged widowed separated unmarried")
_PARTNERS = {
    "boyfriend": "dating", "girlfriend": "dating", "fiance": "engaged", "fiancee": "engaged",
    "husband": "married", "wife": "married",
}  # fmt: skip
_PAIRING = word_set("marry divorce engage separate")
_NAMING = word_set("call name spell write pronounce")
_SEVERAL = word_set(
    "sister brother friend cousin child kid son daughter colleague coworker neighbor neighbour "
    "aunt uncle niece nephew roommate teammate dog cat puppy kitten horse rabbit hamster parrot "
    "pup pet teacher grandson granddaughter sibling guy man woman boy girl lady"
)
_LATEST = word_set("new current")
_ONE_NAME = word_set("full whole real actual proper legal true own new current")


def name(act: Act) -> Claim | None:
    """ "Alice's name is spelt Katharine", "her husband is called Tom", "her boss is Ann"."""
    subject, value = act.clause.subject, names_in(act.objects())
    if subject is None or not value:
        return None
    owner = owner_of(subject)
    if subject.lemma_ == "name" and owner is not None and act.lemma in {"be", *_NAMING}:
        return _named(act, owner_name(owner), owner, value, kind=_kind_of_name(subject))
    told = any(t.pos_ == "PROPN" for t in act.objects())  # no "best man at Tom's"
    person = subject.lemma_.lower() in RELATIONS and owner is not None and told
    if act.lemma in {"call", "name"} and act.verb.tag_ == "VBN":
        return _named(act, act.subject, subject, value)
    return _named(act, act.subject, subject, value) if person and act.lemma == "be" else None


def _kind_of_name(noun: Token) -> str:
    """Of "Alice's stage name" another than of "Alice's full name", which is the one she goes by."""
    before = (t.lower_ for t in noun.lefts if t.dep_ in {"compound", "amod"})
    return " ".join([*(word for word in before if word not in _ONE_NAME), "name"])


def _named(
    act: Act, whose: str, bearer: Token, value: frozenset[str], *, kind: str = "name"
) -> Claim:
    best_man = bearer.lemma_ == "man" and any(t.lower_ == "best" for t in bearer.lefts)
    one = best_man or bearer.lemma_.lower() not in _SEVERAL
    if one and bearer.pos_ == "NOUN":  # the new manager is the manager
        whose = " ".join(word for word in whose.split() if word not in _LATEST)
    return claim(act, kind, value, subject=whose, exclusive=one)


def age(act: Act) -> Claim | None:
    """ "Alice is 33"."""
    if act.lemma not in {"be", "turn"} or (act.lemma == "be" and not act.present):
        return None
    said = [t for o in (*act.objects(), *act.children("npadvmod")) for t in main_part(o)]
    numbers = frozenset(t.lower_ for t in said if t.like_num and not _is_year(t))
    others = (t for t in said if t.pos_ != "NUM" and t.dep_ not in {"punct", "prep", "neg"})
    years = {token.lemma_.lower() for token in others}
    aged = years <= {"year", "old", "-", "age"} and len(numbers) == 1
    # "My wife's is 555 9876" is a number to call.
    bare = not years and (_is_amount(act.clause.subject) or any(map(_is_year, said)))
    return claim(act, "age", numbers) if aged and not bare else None


def _is_amount(subject: Token | None) -> bool:
    """Whether "is 42" of it tells how much or many, and no age: of a count, a budget."""
    return subject is not None and subject.lemma_.lower() in AMOUNTS - {"age"}


def _is_year(number: Token) -> bool:
    return number.text[:1].isdigit() and len(number.text) > 3


def favourite(act: Act) -> Claim | None:
    """ "Alice's favourite colour is blue", "blue is Alice's favourite colour"."""
    if act.lemma != "be" or not act.present or act.clause.subject is None:
        return None
    sides = [act.clause.subject, *act.objects()]
    best = next((side for side in sides if _is_favourite(side)), None)
    owner = None if best is None else owner_of(best)
    if best is None or owner is None:
        return None
    kind = [w for w in words_in_order(main_part(best)) if w not in {"favorite", "favourite"}]
    attribute = f"favourite {same_phrase(' '.join(kind[:3]))}".strip()
    value = values(side for side in sides if side is not best)
    return claim(act, attribute, value, subject=owner_name(owner)) if value else None


def _is_favourite(side: Token) -> bool:
    return any(t.lower_ in {"favorite", "favourite"} for t in (side, *side.children))


def relationship(act: Act) -> Claim | None:
    """ "Alice is married to Tom", "Alice got divorced", "Alice broke up with Tom"."""
    going_to = act.verb.tag_ == "VBG" and act.lemma != "date"
    if going_to or any(t.lower_ == "getting" for t in act.verb.children):
        return None  # yet to come
    with_whom = names_in([*act.placed("to", "with", "from"), *_people_among(act)])
    passive = act.verb.tag_ == "VBN" or is_past(act.verb)
    if act.lemma in _PAIRING and passive and act.present | is_past(act.verb):
        return claim(act, "relationship", {_status(act.lemma)} | with_whom)
    status = frozenset(t.lower_ for o in act.objects() for t in main_part(o)) & _STATUSES
    if act.lemma in {"be", "get", "become"} and status and (act.present or act.lemma != "be"):
        return claim(act, "relationship", status | with_whom)
    if act.lemma == "break" and any(t.lower_ == "up" for t in act.verb.children) and with_whom:
        return claim(act, "relationship", {"single"})
    if act.lemma == "date" and act.present and with_whom:
        return claim(act, "relationship", {"dating"} | with_whom)
    return None


def partner(act: Act) -> Claim | None:
    """ "Alice has a boyfriend, Tim"."""
    things = [t for t in act.children("dobj") if t.lemma_.lower() in _PARTNERS and t.tag_ == "NN"]
    if act.lemma != "have" or not act.present or len(things) != 1:
        return None
    names = frozenset(t.lower_ for t in things[0].subtree if t.pos_ == "PROPN")
    return claim(act, "relationship", {_PARTNERS[things[0].lemma_.lower()]} | names)


def _people_among(act: Act) -> list[Token]:
    return [t for t in act.objects() if t.pos_ == "PROPN"]


def _status(lemma: str) -> str:
    return {"marry": "married", "divorce": "divorced", "engage": "engaged"}.get(lemma, "separated")
