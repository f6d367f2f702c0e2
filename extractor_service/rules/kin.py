"""Those whom one calls by what they are to one: the "mum" of "mum can't have oats"."""

from __future__ import annotations

from spacy.tokens import Token

from extractor_service.rules.words import word_set

_BARE = word_set(
    "mum mom mam mummy mommy mama dad daddy papa granny grandma grandpa grandad granddad nan nana"
)
_OWN = word_set("my our")
_WORDS = word_set("word name term song nickname title saying")
_SUBJECTS = frozenset({"nsubj", "nsubjpass"})
_ONE = frozenset({"NN", "NNP"})


def is_own_kin(token: Token) -> bool:
    """Whether it is the speaker's, with nobody named whose, and somebody of whom is told."""
    called = token.i + 1 < len(token.doc) and token.nbor().text == ","  # "dad, the car broke down"
    if token.lower_ not in _BARE or token.tag_ not in _ONE or called:
        return False
    if not is_unmistakable(token):
        return False
    if any(child.dep_ not in {"cc", "conj", "case", "punct"} for child in token.children):
        return False
    if token.dep_ == "conj":
        return is_own_kin(token.head)
    owns = token.dep_ == "poss" and token.head.dep_ in _SUBJECTS
    return token.dep_ in _SUBJECTS or owns


def is_unmistakable(token: Token) -> bool:
    """Whether nothing says that it is somebody else's, or no person at all.

    Behind "my friend's dad was a cop" a "dad" may be his, "mom of the year" and "dad is a word" are
    nobody's.
    """
    doc, after = token.doc, token.i + 1
    if after < len(doc) and doc[after].lower_ == "of":
        return False
    if token.dep_ in _SUBJECTS and any(c.lemma_.lower() in _WORDS for c in token.head.children):
        return False
    before = (t for t in doc[: token.i] if t.lower_ == token.lower_)
    return not any(map(_is_others, before))


def _is_others(kin: Token) -> bool:
    owners = (t for t in kin.lefts if t.dep_ in {"det", "poss"})
    return any(owner.lower_ not in _OWN for owner in owners)
