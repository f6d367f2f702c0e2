"""The people, places and organisations a memory names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from spacy.tokens import Token

from extractor_service.domain import Entity
from extractor_service.rules.named import opens_with
from extractor_service.rules.names import bearer, full_name, names_event, names_place
from extractor_service.rules.people import Mention, is_where_from
from extractor_service.rules.speaker import FIRST_PERSON, SECOND_PERSON, Participants

_KINDS = {
    "PERSON": "person",
    "ORG": "org",
    "GPE": "place",
    "LOC": "place",
    "FAC": "place",
    "NORP": "group",
    "PRODUCT": "product",
    "EVENT": "event",
    "WORK_OF_ART": "work",
    "LANGUAGE": "language",
}
_EMPLOYING = frozenset({"at", "for", "with"})
_BESIDE_SOMEBODY = frozenset({"after", "with"})
_PLACING = frozenset({"in", "to", "from", "near"})


def entities(
    tokens: Sequence[Token], frame: str, who: Participants, people: Sequence[Mention], text: str
) -> tuple[Entity, ...]:
    """Participants and named people first, then other names, each once, in reading order."""
    named = [*_participants(tokens, who), *_people(people), *_others(tokens, frame, who)]
    distinct: dict[str, Entity] = {}
    for entity in named:
        distinct.setdefault(entity.name.lower(), entity)
    return tuple(entity for entity in distinct.values() if _names(text, entity.name))


def _names(text: str, name: str) -> bool:
    """Whether `text` holds `name` as whole words, with a capital if it opens the sentence."""
    if opens_with(text, name):
        return True
    start = text.find(name)
    while start >= 0:
        end = start + len(name)
        if not (text[start - 1 : start].isalnum() or text[end : end + 1].isalnum()):
            return True
        start = text.find(name, start + 1)
    return False


def _participants(tokens: Sequence[Token], who: Participants) -> Iterator[Entity]:
    words = [token.lower_ for token in tokens]
    if who.named:
        yield Entity(who.speaker, "person")
    if who.other is not None and any(word in SECOND_PERSON for word in words):
        yield Entity(who.other, "person")


def _people(people: Sequence[Mention]) -> Iterator[Entity]:
    for mention in people:
        if mention.kind:
            yield Entity(mention.name, mention.kind)


def _others(tokens: Sequence[Token], frame: str, who: Participants) -> Iterator[Entity]:
    for token in tokens:
        if token.pos_ != "PROPN" or token.dep_ == "compound" or token.lower_ in FIRST_PERSON:
            continue
        kind = _kind(token, frame, who)
        if kind is not None:
            yield Entity(full_name(token), kind)


def _kind(name: Token, frame: str, who: Participants) -> str | None:
    """By the pattern it stands in, which is surer than the small model's label."""
    if who.includes(full_name(name)):
        return "person"
    if names_event(name):
        return "event"
    if name.dep_ == "pobj" and name.ent_type_ != "DATE":
        preposition = name.head.lower_
        if frame == "work" and preposition in _EMPLOYING:
            return "org"
        if is_where_from(name) or (preposition in _PLACING and frame in {"home", "move"}):
            return "place"
    kind = _KINDS.get(name.ent_type_)
    if kind == "place" and name.dep_ == "pobj" and name.head.lower_ in _BESIDE_SOMEBODY:
        return None
    misread = kind == "person" or bearer(name) is not None or not (kind or name.dep_ == "pobj")
    return "place" if misread and names_place(name) else kind
