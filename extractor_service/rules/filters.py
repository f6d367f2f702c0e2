"""What is no statement: questions, orders, hypotheticals, what others say."""

from __future__ import annotations

from spacy.tokens import Span, Token

from extractor_service.rules.affairs import is_duty
from extractor_service.rules.clauses import AUXILIARIES, Clause, forbids
from extractor_service.rules.quotations import quotes_a_statement
from extractor_service.rules.speaker import is_introduction, is_own_name
from extractor_service.rules.words import word_set

_HEDGES = frozenset({"maybe", "perhaps", "possibly", "probably", "hopefully", "supposedly"})
_CONDITIONS = frozenset({"if", "unless", "whether", "suppose"})
_UNREAL = frozenset({"would", "could", "should", "might", "may", "must", "shall", "'d"})
WONDERING = frozenset({"WDT", "WP", "WP$", "WRB"})

_SAID_OF = ("attr", "acomp", "prep", "advmod", "ccomp", "xcomp", "expl")

# "Love this place", "need a break": what nobody is told to do.
_HEARTFELT = word_set("love like need hope appreciate miss hate wish feel prefer")


def is_question(sentence: Span) -> bool:
    """By its mark, its question word, or its verb standing before its subject."""
    words = [token for token in sentence if not token.is_space]
    if any(token.text == "?" or token.text.endswith("?") for token in words[-2:]):
        return True
    return _asks(sentence.root)


def states_nothing(clause: Clause) -> bool:
    """Whether the clause introduces, asks, orders, supposes or quotes: no fact as it stands."""
    return (
        is_introduction(clause.head)
        or _borrows_a_name(clause)
        or _counts_us(clause)
        or supposes(clause)
    )


def supposes(clause: Clause) -> bool:
    """Whether the clause asks, orders, supposes or quotes: none of it may be kept as a fact."""
    return (
        _asks(clause.head)
        or _is_order(clause)
        or _is_fragment(clause)
        or _is_unreal(clause)
        or _is_quoted(clause.head)
        or quotes_a_statement(clause.own)
    )


def _counts_us(clause: Clause) -> bool:
    """ "We're 6", "we're two teachers": how many, and neither an age nor what the speaker is."""
    if clause.subject is None or clause.subject.lower_ != "we" or clause.head.lemma_ != "be":
        return False
    return any(map(_is_count, clause.children("attr", "acomp", "npadvmod")))


def _is_count(said: Token) -> bool:
    bare = said.like_num and not (said.n_lefts or said.n_rights)
    return bare or (said.tag_ == "NNS" and any(t.dep_ == "nummod" for t in said.lefts))


def _borrows_a_name(clause: Clause) -> bool:
    """The "is Ann" of "my name is Pat and my boss is Ann", if the boss is taken for a name."""
    return (
        clause.subject is not None
        and clause.subject not in clause.own
        and is_own_name(clause.subject)
    )


def _asks(verb: Token) -> bool:
    fronted = [child for child in verb.lefts if child.dep_ != "cc"]
    subject = next((c for c in verb.children if c.dep_ in {"nsubj", "nsubjpass"}), None)
    if subject is None:
        return False
    if any(child.tag_ in WONDERING and child.i < subject.i for child in fronted):
        return subject.i < verb.i or subject.tag_ in WONDERING
    inverted = any(c.dep_ in AUXILIARIES and c.i < subject.i for c in fronted)
    return inverted and not any(child.dep_ in {"neg", "advmod"} for child in fronted)


def _is_order(clause: Clause) -> bool:
    verb = clause.head
    if forbids(verb):
        return True
    if clause.subject is not None:
        opening = clause.own[0]
        if opening.lower_ == "no" and opening.head == clause.subject and not clause.auxiliaries:
            return verb.tag_ in {"VB", "VBP"}  # "No jokes, give me a list"
        return opening.tag_ == "VB" and opening != verb and opening.i < clause.subject.i
    if any(
        auxiliary.tag_ == "MD" or auxiliary.lower_ == "have" for auxiliary in clause.auxiliaries
    ):
        return False  # "Will call Emma", "Have been to Rome"
    told = verb.lower_ in {"gon", "gonna", "got"} or verb.lemma_ in _HEARTFELT
    return not told and verb.tag_ not in {"VBD", "VBG", "VBN", "VBZ"}


def _is_fragment(clause: Clause) -> bool:
    """Without a subject, only a verb at its beginning is the speaker's own: "Went to Rome".

    The "s" of "shes doin ok" is a verb that says nothing.
    """
    if clause.head.lower_ == "s" and not clause.children(*_SAID_OF):
        return True
    if clause.subject is not None or clause.children("expl"):
        return False
    before = (t for t in clause.own if t.i < clause.head.i and t.ent_type_ != "DATE")
    return any(t.pos_ in {"NOUN", "PROPN", "PRON"} for t in before)


def _is_unreal(clause: Clause) -> bool:
    if any(_is_hedge(token, clause) or _is_condition(token, clause) for token in clause.tokens):
        return True
    due = is_duty(clause) and any(token.ent_type_ == "DATE" for token in clause.own)
    return not due and any(_is_unreal_auxiliary(token) for token in clause.auxiliaries)


def _is_hedge(token: Token, clause: Clause) -> bool:
    opens = token == clause.own[0]
    return token.lower_ in _HEDGES and (opens or token.head in (clause.head, *clause.auxiliaries))


def _is_condition(token: Token, clause: Clause) -> bool:
    """The "if" of what the whole clause hangs on, and no "even if"."""
    if token.lower_ not in _CONDITIONS or (token.i and token.nbor(-1).lower_ in {"even", "as"}):
        return False
    return clause.head in (token.head, token.head.head)


def _is_unreal_auxiliary(token: Token) -> bool:
    return token.tag_ == "MD" and token.lower_ in _UNREAL


def _is_quoted(verb: Token) -> bool:
    marks = [token.i for token in verb.sent if token.text in {'"', "“", "”"}]
    before = sum(1 for mark in marks if mark < verb.i)
    return before % 2 == 1 and before < len(marks)
