"""Verbs that agree with a name once it stands where "I", "we" or "you" stood."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from spacy.tokens import Token

from extractor_service.rules.clauses import AUXILIARIES, SUBJECTS, Clause
from extractor_service.rules.inflect import third_person
from extractor_service.rules.several import means_several


def agreement(clause: Clause) -> dict[int, str]:
    """New forms of the finite verbs, by token index, nested clauses included."""
    edits: dict[int, str] = {}
    bare = clause.subject is None and clause.head.lower_ == "gon"  # "Gonna paint the kitchen"
    if not bare and (clause.subject is None or turns_singular(clause.subject)):
        edits |= _agreeing([*clause.auxiliaries, clause.head])
        edits |= _conjuncts_agreeing(clause.head, clause.tokens)
    for token in clause.tokens:
        nested = token.dep_ in SUBJECTS and token != clause.subject and token.head != clause.head
        if nested and turns_singular(token):
            edits |= _agreeing(_verb_group(token.head))
            edits |= _conjuncts_agreeing(token.head, clause.tokens)
    return edits


def turns_singular(subject: Token) -> bool:
    """Whether one name will stand for this subject: "I", but not "my wife and I"."""
    alone = not any(child.dep_ == "conj" for child in subject.children)
    several = means_several(subject)
    if several or not alone or _is_second(subject):
        return False
    return subject.lower_ in {"i", "we", "you", "u"}


def _is_second(subject: Token) -> bool:
    """The "I" of "Tim and I are going", where the parser hangs Tim on the verb."""
    link = subject.nbor(-1) if subject.i else subject
    return link.dep_ == "cc" and link.head.pos_ == "PROPN" and link.head.head == subject.head


def _verb_group(verb: Token) -> list[Token]:
    return [*(c for c in verb.children if c.dep_ in AUXILIARIES), verb]


def _agreeing(group: Iterable[Token]) -> dict[int, str]:
    first = next(iter(sorted(group, key=lambda token: token.i)), None)
    if first is None or first.tag_ not in {"VBP", "VBD", "VB"}:
        return {}
    return {first.i: third_person(first)}


def _conjuncts_agreeing(verb: Token, tokens: Sequence[Token]) -> dict[int, str]:
    edits: dict[int, str] = {}
    for token in verb.children:
        shares = token.dep_ == "conj" and not any(c.dep_ in SUBJECTS for c in token.children)
        told = verb.tag_ == "VBP" and verb.lemma_ != "be"
        bare = token.tag_ == "VB" and told and not token.n_lefts  # mistagged
        if shares and token in tokens and (bare or token.tag_ == "VBP"):
            edits |= _agreeing(_verb_group(token))
    return edits
