"""Splits a parsed sentence into clauses that can each stand alone."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass

from spacy.tokens import Span, Token

from extractor_service.rules.asides import is_aside, turns_out

SUBJECTS = frozenset({"nsubj", "nsubjpass", "csubj", "csubjpass"})
SPLICED = frozenset({"ccomp", "parataxis"})
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
    dependents: tuple[tuple[str, Token], ...]

    def children(self, *deps: str) -> list[Token]:
        """The head's dependents of these kinds."""
        return [child for dep, child in self.dependents if dep in deps]


def clauses(sentence: Span) -> list[Clause]:
    """The sentence's statements in reading order, fragments without a verb left out."""
    heads = [sentence.root]
    for head in heads:
        heads.extend(child for child in head.children if _starts_clause(child))
    return _split_at(heads)


def joined(parts: Sequence[Clause], apart: Container[Token]) -> list[Clause]:
    """The clauses of one sentence again, each that is not `apart` told with the one it hangs on."""
    verbs = {part.head for part in parts}
    heads = [part.head for part in parts if part.head in apart or not _hangs_on(part.head, verbs)]
    return _split_at(heads) if len(heads) < len(parts) else list(parts)


def _hangs_on(head: Token, verbs: Container[Token]) -> bool:
    return head.head != head and head.head in verbs


def _split_at(heads: Iterable[Token]) -> list[Clause]:
    ordered = sorted(heads, key=lambda head: head.i)
    verbs = (head for head in ordered if head.pos_ in {"VERB", "AUX"} and not is_aside(head))
    return [_clause(head, frozenset(ordered)) for head in verbs]


def subject_of(head: Token) -> Token | None:
    """The head's own grammatical subject; of "we got engaged" that of the "got"."""
    verbs = (head, *(child for child in head.children if child.dep_ == "auxpass"))
    found = (child for verb in verbs for child in verb.children if child.dep_ in SUBJECTS)
    return next(found, None)


def _starts_clause(token: Token) -> bool:
    if is_aside(token):
        return True  # so that it is no part of the one it hangs on
    if token.pos_ not in {"VERB", "AUX"}:
        return False
    own_subject = subject_of(token) is not None
    if token.dep_ == "conj":
        return own_subject or forbids(token) or _stands_alone(token)
    if token.dep_ == "ccomp" and own_subject and _introduces(token.head):
        return True
    if forbids(token) or (token.dep_ in SPLICED | {"advcl"} and _orders(token)):
        return True
    # "I'm Alice, I work at X": the parser hangs the first statement on the second.
    spliced = token.dep_ in SPLICED and own_subject and not _is_marked(token)
    return spliced and (token.i < token.head.i or token.dep_ == "parataxis")


def _introduces(verb: Token) -> bool:
    """ "Remember that I'm allergic to nuts": the order goes, the fact is kept."""
    return turns_out(verb) or _is_reminder(verb)


def _is_reminder(verb: Token) -> bool:
    return verb.lemma_.lower() in {"remember", "note", "forget"} and subject_of(verb) is None


def _stands_alone(conjunct: Token) -> bool:
    """ "bought a cake and ate it" is one statement: its second half points back at the first."""
    if conjunct.tag_ == "VB" and conjunct.head.lemma_ == "be":
        return False  # "nuts and shellfish": a noun that the tagger took for a verb
    return not any(token.lower_ in _POINTS_BACK for token in conjunct.subtree)


def _orders(token: Token) -> bool:
    """ "Don't call, I'm asleep", "always call, I like it": orders before what they hang on."""
    ahead = token.tag_ == "VB" and token.i < token.head.i and token.left_edge.i == token.sent.start
    others = [c for c in token.children if c.dep_ != "aux" or c.lower_ != "do"]
    return ahead and not any(c.dep_ in {"aux", "mark", *SUBJECTS} for c in others)


def forbids(verb: Token) -> bool:
    """ "I'm deaf, so don't call me": an order behind the statement, and no part of it."""
    said = {child.dep_: child for child in verb.children}
    if "neg" not in said or "aux" not in said or SUBJECTS & {*said}:
        return False
    opening = said["aux"]
    led = opening.i > verb.sent.start and opening.nbor(-1).lower_ in {"so", "please", "pls"}
    return opening.lower_ == "do" and (led or verb.dep_ in SPLICED | {"advcl"})


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
    return Clause(head, subject, tuple(auxiliaries), (*borrowed, *own), own, dependents_of(head))


def dependents_of(head: Token) -> tuple[tuple[str, Token], ...]:
    """The head's children, each behind the name of its dependency: read once, asked for often."""
    return tuple((child.dep_, child) for child in head.children)


def _own_tokens(head: Token, heads: frozenset[Token]) -> Iterator[Token]:
    """The head's subtree without the clauses that stand alone, in reading order."""
    kept = [head]
    for token in kept:
        others = (child for child in token.children if child not in heads)
        kept.extend(child for child in others if not _is_loose_end(child, heads))
    yield from sorted(kept, key=lambda token: token.i)


def _is_loose_end(token: Token, heads: frozenset[Token]) -> bool:
    if token.dep_ != "cc":
        return token.dep_ == "parataxis" or is_aside(token)
    conjuncts = [child for child in token.head.children if child.dep_ == "conj"]
    return bool(conjuncts) and heads.issuperset(conjuncts)


def _subject_and_lender(head: Token) -> tuple[Token, Token | None]:
    lender = head
    while (subject := subject_of(lender)) is None and lender.dep_ == "conj":
        lender = lender.head
    return lender, subject


def _auxiliaries(head: Token) -> list[Token]:
    """Those of "am getting married" too, whichever of them the parser hangs on which."""
    own = [child for child in head.children if child.dep_ in AUXILIARIES and child.tag_ != "TO"]
    inner = [t for child in own for t in child.children if t.dep_ in AUXILIARIES and t.tag_ != "TO"]
    return sorted((*own, *inner), key=lambda token: token.i)


def _negations(head: Token) -> list[Token]:
    return [child for child in head.children if child.dep_ == "neg"]
