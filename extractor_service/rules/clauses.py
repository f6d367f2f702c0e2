"""Splits a parsed sentence into clauses that can each stand alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from spacy.tokens import Span, Token

SUBJECTS = frozenset({"nsubj", "nsubjpass", "csubj", "csubjpass"})
AUXILIARIES = frozenset({"aux", "auxpass"})
_FINITE = frozenset({"VBD", "VBP", "VBZ"})
_POINTS_BACK = frozenset({"it", "them", "one", "that", "this", "these", "those", "there"})


@dataclass(frozen=True, slots=True)
class Clause:
    """One statement: its verb, who does it, and its tokens in reading order.

    In "I prefer tea and hate coffee" the second clause borrows "I": `tokens` opens with what is
    borrowed, `own` holds only what stands between its first and its last word.
    """

    head: Token
    subject: Token | None
    auxiliaries: tuple[Token, ...]
    tokens: tuple[Token, ...]
    own: tuple[Token, ...]

    def children(self, *deps: str) -> list[Token]:
        """The head's dependents of these kinds."""
        return [child for child in self.head.children if child.dep_ in deps]


def clauses(sentence: Span) -> Iterator[Clause]:
    """The sentence's statements in reading order, fragments without a verb left out."""
    heads = [sentence.root]
    for head in heads:
        heads.extend(child for child in head.children if _starts_clause(child))
    ordered = sorted(heads, key=lambda head: head.i)
    for head in ordered:
        if head.pos_ in {"VERB", "AUX"}:
            yield _clause(head, frozenset(ordered))


def subject_of(head: Token) -> Token | None:
    """The head's own grammatical subject."""
    return next((child for child in head.children if child.dep_ in SUBJECTS), None)


def _starts_clause(token: Token) -> bool:
    if token.pos_ not in {"VERB", "AUX"}:
        return False
    own_subject = subject_of(token) is not None
    if token.dep_ == "conj":
        return own_subject or _stands_alone(token)
    if token.dep_ == "ccomp" and own_subject and _is_reminder(token.head):
        return True
    # "I'm Alice, I work at X": the parser hangs the first statement on the second.
    spliced = token.dep_ in {"ccomp", "parataxis"} and own_subject and not _is_marked(token)
    return spliced and (token.i < token.head.i or token.dep_ == "parataxis")


def _is_reminder(verb: Token) -> bool:
    """ "Remember that I'm allergic to nuts": the order goes, the fact is kept."""
    return verb.lemma_.lower() in {"remember", "note", "forget"} and subject_of(verb) is None


def _stands_alone(conjunct: Token) -> bool:
    """ "bought a cake and ate it" is one statement: its second half points back at the first."""
    if conjunct.tag_ == "VB" and conjunct.head.lemma_ == "be":
        return False  # "nuts and shellfish": a noun that the tagger took for a verb
    return not any(token.lower_ in _POINTS_BACK for token in conjunct.subtree)


def _is_marked(token: Token) -> bool:
    return any(child.dep_ == "mark" for child in token.children)


def _clause(head: Token, heads: frozenset[Token]) -> Clause:
    own = tuple(_own_tokens(head, heads))
    lender, subject = _subject_and_lender(head)
    auxiliaries = _auxiliaries(head)
    borrowed: list[Token] = []
    if subject is not None and lender is not head:
        borrowed += [token for token in subject.subtree if token.dep_ != "relcl"]
        if not auxiliaries and head.tag_ not in _FINITE:
            auxiliaries = _auxiliaries(lender)
            borrowed += sorted([*auxiliaries, *_negations(lender)], key=lambda token: token.i)
    return Clause(head, subject, tuple(auxiliaries), (*borrowed, *own), own)


def _own_tokens(head: Token, heads: frozenset[Token]) -> Iterator[Token]:
    """The head's subtree without the clauses that stand alone, in reading order."""
    kept = [head]
    for token in kept:
        others = (child for child in token.children if child not in heads)
        kept.extend(child for child in others if not _is_loose_end(child, heads))
    yield from sorted(kept, key=lambda token: token.i)


def _is_loose_end(token: Token, heads: frozenset[Token]) -> bool:
    if token.dep_ != "cc":
        return token.dep_ == "parataxis"
    conjuncts = [child for child in token.head.children if child.dep_ == "conj"]
    return bool(conjuncts) and heads.issuperset(conjuncts)


def _subject_and_lender(head: Token) -> tuple[Token, Token | None]:
    lender = head
    while (subject := subject_of(lender)) is None and lender.dep_ == "conj":
        lender = lender.head
    return lender, subject


def _auxiliaries(head: Token) -> list[Token]:
    return [child for child in head.children if child.dep_ in AUXILIARIES and child.tag_ != "TO"]


def _negations(head: Token) -> list[Token]:
    return [child for child in head.children if child.dep_ == "neg"]
