"""Pronouns that point at nothing: "it was great to see them", "there was a storm"."""

from __future__ import annotations

from spacy.tokens import Token

from extractor_service.rules.words import word_set

_WEIGHING = word_set("be feel mean take make seem help")
_CLAUSAL = frozenset({"xcomp", "ccomp", "advcl", "csubj", "acl", "relcl"})
_OPENING = word_set("to that how what when")


def points_at_nothing(token: Token) -> bool:
    """Whether it only holds the subject's place for a clause or a noun that follows."""
    if token.dep_ == "expl":
        return True
    verb = token.head
    if token.lower_ != "it" or token.i > verb.i or verb.lemma_ not in _WEIGHING:
        return False
    inside = [verb, *(child for child in verb.rights if child.dep_ in {"acomp", "attr", "dobj"})]
    return any(_stands_behind(child) for head in inside for child in head.rights)


def _stands_behind(verb: Token) -> bool:
    if verb.dep_ not in _CLAUSAL or verb.pos_ not in {"VERB", "AUX"}:
        return False
    first = verb.left_edge
    return first.lower_ in _OPENING or (first == verb and verb.tag_ == "VBG")
