""" "We" of more than the speaker: "we all sang", "we love each other"."""

from __future__ import annotations

from spacy.tokens import Token

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
