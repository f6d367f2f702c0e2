"""Answers of some words, told with the question they answer: "Berlin, since March."."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from spacy.tokens import Span, Token

from extractor_service.rules.clauses import SUBJECTS
from extractor_service.rules.dates import DateMention
from extractor_service.rules.filters import is_question
from extractor_service.rules.frames import Frame
from extractor_service.rules.pronouns import Around, UnresolvedError
from extractor_service.rules.questions import GAP, Asked
from extractor_service.rules.rewrite import phrase
from extractor_service.rules.words import has_digit, word_set

_YES = word_set("yes yeah yep yup sure definitely absolutely indeed")
_NO = word_set("no nope nah")
_FILLERS = word_set("oh well hmm um uh haha actually")
_UNCERTAIN = word_set("maybe perhaps probably possibly depends sometimes guess nothing none")
_OWN_PREPOSITIONS = frozenset({"ADP", "SCONJ", "ADV"})
_YEARLY = ("birthday", "anniversary")
_KEEP_CAPITALS = frozenset({"PROPN", "PRON"})
_POINTING = word_set("it that")
_EVASIVE = word_set(
    "complicated private personal secret confidential story hard difficult tricky fine ok okay "
    "great good bad boring terrible unclear unknown undecided open pending none not nothing up "
    "business"
)
_LONGEST_ANSWER = 14


@dataclass(frozen=True, slots=True)
class Answer:
    """The statement that question and answer make, and the words of the answer."""

    told: str
    tokens: tuple[Token, ...]
    frame: Frame


def may_answer(part: Span) -> bool:
    """Whether the sentence is too short to be a statement of its own."""
    return len(part) <= _LONGEST_ANSWER and not is_question(part)


def answer(
    part: Span, question: Asked, around: Around, dates: Sequence[DateMention]
) -> Answer | None:
    """What a sentence answers, None when it is a statement of its own or answers otherwise."""
    said = [token for token in part if not token.is_space]
    while said and (said[0].is_punct or said[0].lower_ in _FILLERS):
        said = said[1:]
    if not said or len(said) > _LONGEST_ANSWER or {t.lower_ for t in said} & _UNCERTAIN:
        return None
    words = _beside_yes_or_no(said, question)
    if not _may_fill(words, question, dates):
        return None
    try:
        more = _phrased(words, part.root, question, around, dates)
    except UnresolvedError:
        return None
    opening = said[0].lower_
    told = _polar(opening, more, question) if not question.wants else _filled(words, more, question)
    return Answer(told, tuple(said), question.frame) if told else None


def _beside_yes_or_no(said: list[Token], question: Asked) -> list[Token]:
    """What is said more than "yes", "I do" or the "it's" of "it's 5 Main Street"."""
    words = said[1:] if said[0].lower_ in _YES | _NO else said
    while words and words[0].is_punct:
        words = words[1:]
    while words and words[-1].is_punct:
        words = words[:-1]
    return [] if _is_short_form(words) else _without_pointer(words, question)


def _may_fill(words: Sequence[Token], question: Asked, dates: Sequence[DateMention]) -> bool:
    """Whether the words are no statement of their own, and of the kind that was asked for."""
    if any(token.dep_ in SUBJECTS for token in words):
        return False
    if question.wants == "figure":
        return any(_is_figure(token) for token in words)
    return question.wants != "date" or bool(dates)


def _phrased(
    words: Sequence[Token],
    root: Token,
    question: Asked,
    around: Around,
    dates: Sequence[DateMention],
) -> str:
    """The words within a sentence. Raises UnresolvedError."""
    if not words:
        return ""
    yearly = any(word in question.positive for word in _YEARLY)
    told = phrase(words, root, around, () if yearly else dates)
    is_name = question.positive.endswith(f" name is {GAP}")
    kept = words[0].pos_ in _KEEP_CAPITALS and not _is_calling(words, question)
    if not words[0].is_title or is_name or kept:
        return told
    return f"{told[:1].lower()}{told[1:]}"


def _without_pointer(words: list[Token], question: Asked) -> list[Token]:
    """What "it's 5 Main Street" says of the address that was asked for, and not "it's private"."""
    if {t.lower_ for t in words[2:]} & _EVASIVE:
        return words
    pointing = len(words) > 2 and words[0].lower_ in _POINTING and words[1].lemma_ == "be"
    asked_for = question.positive.endswith(f" is {GAP}")
    return words[2:] if pointing and asked_for and words[1].tag_ == "VBZ" else words


def _is_figure(token: Token) -> bool:
    """A number, or an address that has one or an "@"."""
    return token.like_num or has_digit(token.text) or "@" in token.text


def _is_short_form(words: Sequence[Token]) -> bool:
    """ "I do", "I have not": yes or no once more."""
    plain = all(t.pos_ in {"PRON", "AUX", "PART", "PUNCT", "VERB"} for t in words)
    return plain and len(words) <= 4 and any(t.dep_ in SUBJECTS for t in words)


def _polar(opening: str, more: str, question: Asked) -> str:
    if opening not in _YES | _NO:
        return ""
    if not more:
        return question.positive if opening in _YES else question.negative
    if opening in _YES:
        return f"{question.positive}, {more}"
    again = more.startswith("not ")  # "No, not any more"
    return f"{question.negative} {more[4:]}" if again else f"{question.negative}, but {more}"


def _filled(words: Sequence[Token], more: str, question: Asked) -> str:
    verbal = any(token.tag_ in {"VBD", "VBP", "VBZ", "MD"} for token in words)
    if not more or verbal or question.wants in {"how", "why"}:
        return ""
    bare = words[0].pos_ not in _OWN_PREPOSITIONS and more.split(" ", maxsplit=1)[0] not in {
        "in",
        "on",
        "at",
    }
    preposition = {"where": "in ", "long": "for "}.get(question.wants, "") if bare else ""
    if question.wants == "old" and not more.isdigit():
        return question.positive.replace(f"{GAP} years old", more)
    article = _article(words, more) if question.positive.endswith(f" as {GAP}") else ""
    return question.positive.replace(GAP, f"{preposition}{article}{more}")


def _is_calling(words: Sequence[Token], question: Asked) -> bool:
    """Whether the one word is a profession, whatever the tagger thinks of its capital."""
    return len(words) == 1 and question.positive.endswith(f" as {GAP}")


def _article(words: Sequence[Token], more: str) -> str:
    """ "A" where a profession is named without: "Nurse."."""
    if len(words) != 1 or words[0].tag_ == "NNS":
        return ""
    return "an " if more[0] in "aeiou" else "a "
