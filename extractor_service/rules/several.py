""" "We" of more than the speaker: "we all sang", "we love each other"."""

from __future__ import annotations

from spacy.tokens import Token

from extractor_service.rules.names import full_name, names_partner, names_place
from extractor_service.rules.speaker import FIRST_PERSON
from extractor_service.rules.words import word_set

_TOGETHER = word_set("all both together everyone can could")
_SEVERAL = word_set("team couple pair duo friends partners")


def means_several(pronoun: Token) -> bool:
    """Whether this "we" is not true of the speaker alone."""
    if pronoun.lower_ != "we":
        return False
    verb = pronoun.head
    near = [*verb.children, *pronoun.children]
    together = any(token.lower_ in _TOGETHER and not _is_after_all(token) for token in near)
    several = any(t.lower_ in _SEVERAL for t in verb.children if t.dep_ in {"attr", "dobj"})
    return (
        together
        or several
        or any(
            token.lower_ == "other" and token.i and token.nbor(-1).lower_ == "each"
            for token in verb.subtree
        )
    )


def _is_after_all(token: Token) -> bool:
    return token.lower_ == "all" and token.i > 0 and token.nbor(-1).lower_ == "after"


def companion(pronoun: Token) -> str | None:
    """Who alone is said to be with the speaker before this "we": "I split up with Tom, but we"."""
    ahead = pronoun.doc[pronoun.sent.start : pronoun.i]
    names = {full_name(token) for token in ahead if token.pos_ == "PROPN" and _is_with_us(token)}
    others = any(token.pos_ == "NOUN" and _is_with_us(token) for token in ahead)
    return names.pop() if len(names) == 1 and not others else None


def _is_with_us(token: Token) -> bool:
    joint = [token.head] if token.dep_ == "conj" else [t for t in token.rights if t.dep_ == "conj"]
    if any(t.lower_ in FIRST_PERSON for t in joint):
        return True
    beside = token.dep_ == "pobj" and token.head.lower_ == "with"
    together = names_partner(token) or (beside and not names_place(token))
    return together or (token.dep_ == "conj" and _is_with_us(token.head))
