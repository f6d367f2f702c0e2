"""What is spelled as a date and is none: a habit, how old a thing is, the "may" of "may come"."""

from __future__ import annotations

from spacy.tokens import Span, Token

from extractor_service.rules.clauses import SUBJECTS
from extractor_service.rules.date_rules import SHORT_MONTHS, WEEKDAYS
from extractor_service.rules.past_forms import is_habitual
from extractor_service.rules.tense import governing_verb, is_past
from extractor_service.rules.when import MONTHS

_NONE_IN_PARTICULAR = frozenset({"a", "an", "one"})


def is_no_date(span: Span) -> bool:
    """Whether nothing happened, or will happen, at what the matched words seem to say."""
    return _is_habit(span) or _is_beside_somebody(span) or any(map(_is_a_verb, span))


def _is_habit(span: Span) -> bool:
    """ "every Monday", "Monday meetings", "Monday to Friday", "my birthday is on 12 June"."""
    before = span.doc[span.start - 1] if span.start else None
    if span.label_ == "in_month" and span.root.ent_type_ == "PERSON":
        return span.root.dep_ != "pobj"  # "My sister May"
    if before is not None and before.lower_ in {"every", "each", "most", "some", "any"}:
        return True
    if span.label_ == "weekday":
        return _is_weekday_habit(span)
    if span.label_ == "year":  # "2019" is a year only where "in", "since", "of" ... say so
        return before is None or before.pos_ not in {"ADP", "SCONJ"} or _is_of_make(before)
    if span.label_ in {"day_of_month", "in_month"}:
        return any(t.lemma_ in {"birthday", "anniversary"} for t in span.sent)
    return False


def _is_beside_somebody(span: Span) -> bool:
    """ "Mark and June are coming", and not "April and June are dry"."""
    beside = span.root.head
    someone = beside.pos_ == "PROPN" and beside.lower_ not in {*MONTHS, *SHORT_MONTHS}
    listed = span.root.dep_ == "conj" and beside.dep_ in SUBJECTS
    return span.label_ == "in_month" and someone and listed


def _is_a_verb(token: Token) -> bool:
    """The "may" of "15 may come", the "march" of "they march 20 miles"."""
    if token.lower_ not in {"may", "march"} or token.pos_ not in {"VERB", "AUX"}:
        return False
    return token.dep_ == "aux" or any(child.dep_ in SUBJECTS for child in token.children)


def _is_of_make(before: Token) -> bool:
    """ "A piano from 1920": how old a thing is, and no time of what is told of it."""
    thing = before.head
    told = thing.lemma_ in {"be", "have", "own"} and not is_past(thing)
    return before.lower_ == "from" and (told or thing.pos_ in {"NOUN", "PROPN"})


def _is_weekday_habit(span: Span) -> bool:
    before = span.doc[span.start - 1].lower_ if span.start else ""
    after = span.doc[span.end].lower_ if span.end < len(span.doc) else ""
    if _NONE_IN_PARTICULAR & {before, *(child.lower_ for child in span.root.children)}:
        return True  # "it's a Saturday", "one rainy Saturday"
    ranged = {before, after} & {"to", "through"} or (after in {"and", "or"} and _is_day(span, 1))
    if (
        ranged
        or (before in {"and", "or"} and _is_day(span, -1))
        or span.root.dep_ in {"compound", "nmod"}
    ):
        return True
    verb = governing_verb(span.root)
    return verb is not None and is_habitual(verb) and not is_past(verb)


def _is_day(span: Span, step: int) -> bool:
    """Whether the word but one after the span, or before it, is a weekday as well."""
    beyond = span.end + 1 if step > 0 else span.start - 2
    return 0 <= beyond < len(span.doc) and span.doc[beyond].lower_ in WEEKDAYS
