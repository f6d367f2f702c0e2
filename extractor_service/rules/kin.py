"""Those whom one calls by what they are to one: the "mum" of "mum can't have oats"."""

from __future__ import annotations

from spacy.tokens import Token

from extractor_service.rules.words import word_set

_BARE = word_set(
    "mum mom mam mummy mommy mama dad daddy papa granny grandma grandpa grandad granddad nan nana"
)
_SUBJECTS = frozenset({"nsubj", "nsubjpass"})
_ONE = frozenset({"NN", "NNP"})


def is_own_kin(token: Token) -> bool:
    """Whether it is the speaker's, with nobody named whose, and somebody of whom is told."""
    called = token.i + 1 < len(token.doc) and token.nbor().text == ","  # "dad, the car broke down"
    if token.lower_ not in _BARE or token.tag_ not in _ONE or called:
        return False
    if any(child.dep_ not in {"cc", "conj", "case", "punct"} for child in token.children):
        return False
    if token.dep_ == "conj":
        return is_own_kin(token.head)
    owns = token.dep_ == "poss" and token.head.dep_ in _SUBJECTS
    return token.dep_ in _SUBJECTS or owns
