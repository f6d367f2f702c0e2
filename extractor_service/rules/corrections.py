"""A name that is put right after it was said: "it's Jon, not John", "I meant Jon".

It makes a memory of whose name is how. Two others put words right: before it `repairs` reads a
message as it was meant that puts right a word of its own, and where a message tells nothing `slips`
tells again what was said before, with the word that it puts right.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from spacy.tokens import Span, Token

from extractor_service.rules.acts import replaced_words
from extractor_service.rules.clauses import subject_of
from extractor_service.rules.filters import is_question
from extractor_service.rules.names import full_name
from extractor_service.rules.people import THIRD_PERSON, Mention
from extractor_service.rules.words import word_set

_POINTING = word_set("it that this")
_SAYING = word_set("mean say write type spell misspell")
_GIVING = word_set("be spell write call pronounce")
_NAMING = frozenset({"attr", "oprd", "dobj", "acomp", "npadvmod"})
SURENESS = 0.85
"""Confidence where a word is put right."""

_LIKE_ENOUGH = 0.6
"""How much of two spellings is the same where only the right one is said."""


@dataclass(frozen=True, slots=True)
class Correction:
    """Whose name is put right, in words that need no context, and the words that say so."""

    told: str
    tokens: tuple[Token, ...]


def correction(part: Span, people: Sequence[Mention]) -> Correction | None:
    """The name that a sentence puts right; None where it does not, or it is not known whose.

    `people` stand in the order they were mentioned.
    """
    right = _right_name(part)
    if right is None or is_question(part):
        return None
    name, before = full_name(right), [m for m in people if m.start < right.i and m.kind]
    denied = replaced_words(part)
    meant = [m for m in reversed(before) if _is_meant(m.name, name, denied)]
    if not meant:
        return None
    wrong = next((m for m in meant if m.described), meant[0])
    whose = wrong.described or wrong.name
    possessive = f"{whose}'" if whose.endswith("s") and "'s " in whose else f"{whose}'s"
    return Correction(f"{possessive} name is {name}, not {wrong.name}", tuple(part))


def _is_meant(said: str, right: str, denied: frozenset[str]) -> bool:
    """Whether a name said before is the one put right: the one denied, else one like it."""
    if denied:
        return not denied.isdisjoint(said.casefold().split())
    return is_alike(said, right)


def is_alike(said: str, right: str) -> bool:
    """Whether a word may be the other one, spelled wrongly."""
    one, other = said.casefold(), right.casefold()
    return one != other and SequenceMatcher(None, one, other).ratio() >= _LIKE_ENOUGH


def _right_name(part: Span) -> Token | None:
    root = part.root
    if root.pos_ == "PROPN":
        return root if replaced_words(part) else None
    name = next((t for t in root.rights if t.pos_ == "PROPN" and t.dep_ in _NAMING), None)
    if name is None or any(t.dep_ == "neg" for t in root.children):
        return None
    subject = subject_of(root)
    if subject is None:
        return None
    says = subject.lower_ == "i" and root.lemma_ in _SAYING
    return name if says or (root.lemma_ in _GIVING and _points(subject)) else None


def _points(subject: Token) -> bool:
    """ "It", "that", "the name", "his name": of somebody who was named before."""
    if subject.lemma_ in {"name", "spelling"}:
        owners = [child for child in subject.children if child.dep_ == "poss"]
        return all(owner.lower_ in THIRD_PERSON for owner in owners)
    return subject.lower_ in _POINTING
