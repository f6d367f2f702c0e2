"""Things shown to the listener: "here's a photo of my garden", "this is my new bike"."""

from __future__ import annotations

from collections.abc import Sequence

from spacy.tokens import Token

from extractor_service.rules.clauses import Clause

_POINTING = frozenset({"here", "this", "these"})
_LEAST_WORDS = 3


def shown(clause: Clause) -> Sequence[Token]:
    """The words for what is shown, none where the clause shows nothing or only points at it."""
    verb = clause.head
    if (
        verb.lemma_ != "be"
        or verb.tag_ not in {"VBZ", "VBP"}
        or any(_denies(t) for t in verb.children)
    ):
        return ()
    ahead = [token for token in clause.own if token.i < verb.i]
    if not ahead or ahead[-1].lower_ not in _POINTING or ahead[-1].head != verb:
        return ()
    things = [t for t in verb.rights if t.dep_ in {"nsubj", "attr"} and t.pos_ in {"NOUN", "PROPN"}]
    words = [token for token in things[0].subtree if token in clause.own] if things else []
    return words if sum(1 for token in words if token.is_alpha) >= _LEAST_WORDS else ()


def _denies(token: Token) -> bool:
    return token.dep_ == "neg" or token.lower_ in {"why", "how", "what", "where", "when"}
