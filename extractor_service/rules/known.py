"""Whom "my sister" means where she is not named, and "the dog", and "the company".

Of those who were named before, in the turns at hand first and then of those known from before the
conversation, the one who is the speaker's sister; nobody if several are. Of friends, colleagues and
uncles one has too many for that: the one who was named need not be the one who is meant.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from math import inf

from spacy.tokens import Doc, Token

from extractor_service.domain import KnownEntity, Turn
from extractor_service.rules.kin import PETS, gender_of
from extractor_service.rules.names import full_name
from extractor_service.rules.parse import bounded
from extractor_service.rules.people import Mention
from extractor_service.rules.speaker import FIRST_PERSON, Participants
from extractor_service.rules.words import word_set

PERSON, ORG = "person", "org"
_KINDS = frozenset({PERSON, "pet", ORG})
_WORKPLACES = word_set("company firm employer")
_SAME = {
    "mom": "mother", "mum": "mother", "mama": "mother", "mam": "mother", "mommy": "mother",
    "mummy": "mother", "dad": "father", "daddy": "father", "papa": "father",
    "puppy": "dog", "pup": "dog", "kitten": "cat", "firm": "company", "employer": "company",
}  # fmt: skip
_FEW = PETS | word_set(
    "mother father sister brother daughter son wife husband girlfriend boyfriend partner spouse "
    "fiancée fiancé twin boss therapist stepmother stepfather company"
)
_NARROWING = word_set("relcl acl prep amod compound appos poss conj nmod")
# The shortest match: the first that is found is the first that ends.
_ANOTHER = (
    r"\b(?:an?|another|some|this|that|her|his|their|your|\w+'s) (?:\w+ )??{}\b"
    r"(?! (?:called|named)\b)"
)


def mention_of(known: KnownEntity) -> Mention | None:
    """Somebody known from before as if they had just been spoken of; None for no such kind."""
    if known.kind not in _KINDS:
        return None
    relation = _canonical(known.relation)
    return Mention(
        known.name,
        gender_of(relation.rsplit(" ", maxsplit=1)[-1]),
        plural=False,
        start=-1,
        kind=known.kind,
        relation=relation,
        owner=known.of,
    )


def pointed_at(doc: Doc, who: Participants, context: Sequence[Turn]) -> Iterator[Mention]:
    """ "The dog", "the company", "my company", where no other dog or company is spoken of."""
    first: dict[str, float] = {}
    for token in doc:
        word = token.lemma_.lower()
        if word not in PETS | _WORKPLACES or not _is_definite(token, word):
            continue
        if word not in first:
            first[word] = _first_other(word, doc.text, context)
        if token.idx < first[word]:
            yield Mention(
                f"the {token.lower_}",
                "",
                plural=False,
                start=token.i,
                kind="",
                relation=_canonical(word),
                owner=who.speaker,
            )


def mark_names(doc: Doc, people: Iterable[Mention]) -> None:
    """Take these people's names for names of people: to the model half of them are companies."""
    names = {mention.name for mention in people if mention.kind in {PERSON, "pet"}}
    first = {name.split()[0] for name in names}
    for token in doc:
        noun = token.pos_ in {"PROPN", "NOUN"} and token.text in first
        if noun or (token.pos_ == "PROPN" and full_name(token) in names):
            token.pos_, token.tag_, token.ent_type_ = "PROPN", "NNP", "PERSON"


def named(people: Iterable[Mention], known: Sequence[Mention]) -> tuple[Mention, ...]:
    """The people in their order, with the names of those who were named elsewhere."""
    found: list[Mention] = []
    related = {mention.name: mention for mention in known}
    for mention in people:
        if mention.kind and (mention.relation or mention.name not in related):
            related[mention.name] = mention
        if mention.kind or (mention.possible and mention.name in related):
            found.append(_as_related(mention, related.get(mention.name, mention)))
            continue
        meant = _meant(mention, found) or _meant(mention, known)
        found.append(mention if meant is None else _called(mention, meant))
    return tuple(found)


def _as_related(mention: Mention, same: Mention) -> Mention:
    """A name with what was said before of whoever bears it: a "he" is no sister."""
    gender = mention.gender or same.gender
    return replace(mention, gender=gender, kind=same.kind, possible=False, unnamed=False)


def _called(mention: Mention, meant: Mention) -> Mention:
    return replace(
        mention,
        name=meant.name,
        kind=meant.kind,
        gender=meant.gender,
        supplied=True,
        possible=False,
    )


def alone_fitting(pronoun: str, known: Sequence[Mention]) -> str | None:
    """The only one known of whom a "she" or "he" can be said."""
    gender = {"she": "f", "her": "f", "hers": "f", "he": "m", "him": "m", "his": "m"}.get(pronoun)
    names = {m.name for m in known if gender and m.kind == PERSON and m.gender == gender}
    return names.pop() if len(names) == 1 else None


def _meant(mention: Mention, others: Sequence[Mention]) -> Mention | None:
    """The only one of the others who is the same to the same."""
    wanted = _canonical(mention.relation)
    if mention.plural or wanted.split(" ")[-1] not in _FEW:
        return None
    fitting = {
        other.name: other
        for other in others
        if other.kind
        and wanted in {other.relation, other.relation.split(" ")[-1]}
        and other.owner.casefold() == mention.owner.casefold()
    }
    return next(iter(fitting.values())) if len(fitting) == 1 else None


def _first_other(word: str, text: str, context: Sequence[Turn]) -> float:
    """Where in the text another dog or company has been spoken of: 0 if before it, inf if never."""
    another = re.compile(_ANOTHER.format(re.escape(word)), re.IGNORECASE)
    if any(another.search(bounded(turn.text)) for turn in context):
        return 0
    found = another.search(text)
    return found.end() if found else inf


def _is_definite(noun: Token, word: str) -> bool:
    if noun.tag_ != "NN":
        return False
    owned = any(t.dep_ == "poss" and t.lower_ in FIRST_PERSON for t in noun.lefts)
    if owned:
        return word in _WORKPLACES
    the = any(t.dep_ == "det" and t.lower_ == "the" for t in noun.lefts)
    return the and noun.dep_ != "compound" and all(t.dep_ not in _NARROWING for t in noun.children)


def _canonical(relation: str) -> str:
    *before, last = relation.casefold().split() or [""]
    return " ".join((*before, _SAME.get(last, last)))
