"""Finds date expressions by token patterns: one table from pattern to resolver."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from spacy.matcher import Matcher
from spacy.tokens import Doc, Span
from spacy.util import filter_spans
from spacy.vocab import Vocab

from extractor_service.rules import date_rules as rules
from extractor_service.rules.arranged import is_arranged, is_arranging, is_rented
from extractor_service.rules.date_rules import (
    NUMBERS,
    PARTS_OF_DAY,
    SEASONS,
    SHORT_MONTHS,
    SHORT_WEEKDAYS,
    UNITS,
    WEEKDAYS,
    Said,
)
from extractor_service.rules.day_ranges import of_day_range
from extractor_service.rules.days_alone import (
    DAY,
    DAYS,
    ORDINAL,
    is_day_alone,
    months_spoken_of,
    of_day_alone,
    of_days_alone,
)
from extractor_service.rules.feasts import NAMING, of_feast
from extractor_service.rules.no_dates import is_no_date
from extractor_service.rules.tense import governing_verb, is_past, is_present_perfect
from extractor_service.rules.when import MONTHS, When

Resolver = Callable[[Said], When | None]


@dataclass(frozen=True, slots=True)
class DateMention:
    """Tokens [start, end) of the document, and what they mean."""

    start: int
    end: int
    when: When
    kind: str


class DateFinder:
    """Finds and resolves the date expressions of a parsed text."""

    def __init__(self, vocab: Vocab) -> None:
        """Compile the table of patterns against the vocabulary of the parser."""
        self._matcher = Matcher(vocab)
        for kind, (patterns, _) in _TABLE.items():
            self._matcher.add(kind, [list(pattern) for pattern in patterns], greedy="LONGEST")

    def find(
        self, doc: Doc, now: datetime, *, just_done: bool = False, before: Sequence[str] = ()
    ) -> tuple[DateMention, ...]:
        """Every date expression that can be resolved, in reading order, none overlapping.

        `just_done`: what is told in the past was done now, so that "I booked a flight on 19 July"
        looks ahead. `before`: what was said before, which may tell the month of "the 19th".
        """
        spans = filter_spans(self._matcher(doc, as_spans=True))
        dates = [span for span in spans if _is_date(span)]
        alone = any(span.label_ in {DAY, DAYS} for span in dates)
        around = _Around(now, just_done, months_spoken_of((*before, doc.text) if alone else ()))
        found = (_mention(span, around) for span in dates)
        return tuple(mention for mention in found if mention is not None)


@dataclass(frozen=True, slots=True)
class _Around:
    """What the dates of a text depend on, beside their sentence."""

    now: datetime
    just_done: bool
    months: frozenset[int]


def _mention(span: Span, around: _Around) -> DateMention | None:
    kind = span.label_
    verb = governing_verb(span.root)
    if kind == "duration" and not is_present_perfect(verb):
        return None
    since = span.start > 0 and span.doc[span.start - 1].lower_ == "since"
    ahead = is_arranged(span, verb) or (around.just_done and is_arranging(verb))
    past = since or (is_past(verb) and not ahead)
    when = _resolved(span, around, past=past)
    if past and is_rented(span, verb):
        when = _nearer(when, _resolved(span, around, past=False), around.now)
    return DateMention(span.start, span.end, when, kind) if when else None


def _resolved(span: Span, around: _Around, *, past: bool) -> When | None:
    said = Said(tuple(token.lower_ for token in span), around.now, past, around.months)
    try:
        return _TABLE[span.label_][1](said)
    except (OverflowError, ValueError):  # 31 June, 9999 years ago
        return None


def _nearer(one: When | None, other: When | None, now: datetime) -> When | None:
    """Of two readings the one that is less far from now."""
    if one is None or other is None or one.event is None or other.event is None:
        return one or other
    return one if now - one.event.time <= other.event.time - now else other


def _is_date(span: Span) -> bool:
    if span.label_ in {DAY, DAYS}:
        return is_day_alone(span)
    return not is_no_date(span)


_Pattern = tuple[dict[str, object], ...]


def _one_of(*words: str) -> dict[str, object]:
    return {"LOWER": {"IN": list(words)}}


def _maybe(*words: str) -> dict[str, object]:
    return {"LOWER": {"IN": list(words)}, "OP": "?"}


def _words(*words: str) -> _Pattern:
    return tuple({"LOWER": word} for word in words)


_ANY_MONTH = _one_of(*MONTHS, *SHORT_MONTHS)
_MONTH: dict[str, object] = {**_ANY_MONTH, "TAG": {"IN": ["NNP", "NNPS"]}}
_YEAR: dict[str, object] = {"TEXT": {"REGEX": r"^(19|20)\d\d$"}}
_DAY_NUMBER: dict[str, object] = {"LOWER": {"REGEX": r"^[0-3]?\d(st|nd|rd|th)?$"}}
_AMOUNT: _Pattern = (
    _maybe("about", "around", "like", "a"),
    {"LOWER": {"REGEX": r"^(\d{1,4}|" + "|".join(NUMBERS) + ")$"}},
    _maybe("of", "more"),
)
_UNIT = _one_of(*UNITS, *(f"{unit}s" for unit in UNITS))
_DIRECTION = _one_of("last", "next", "this", "past", "coming", "previous")

_DAYS_OF_MONTH: tuple[_Pattern, ...] = (
    (_maybe("the"), _DAY_NUMBER, _maybe("of"), _ANY_MONTH, _maybe(","), _YEAR | {"OP": "?"}),
    (_ANY_MONTH, _maybe("the"), _DAY_NUMBER, _maybe(","), _YEAR | {"OP": "?"}),
)
_YEAR_WORDS: _Pattern = (_one_of("last", "next", "this"), *_words("year"))
_TO: dict[str, object] = {"LOWER": {"IN": ["to", "until", "till", "through", "-", "\u2013"]}}
_DAYS_JOINED: dict[str, object] = {"TEXT": {"REGEX": r"^[0-3]?\d\u2013[0-3]?\d$"}}
_ORDINAL: dict[str, object] = {"LOWER": {"REGEX": ORDINAL}}
_RANGES: tuple[_Pattern, ...] = (
    (_maybe("the"), _DAY_NUMBER, _TO, *_DAYS_OF_MONTH[0]),
    (*_DAYS_OF_MONTH[1], _TO, _maybe("the"), _DAY_NUMBER),
    *((*one, _TO, *other) for one in _DAYS_OF_MONTH for other in _DAYS_OF_MONTH),
    (_DAYS_JOINED, _ANY_MONTH, _YEAR | {"OP": "?"}),
)
_WEEK_OF: _Pattern = (*_words("the", "week"), _one_of("of", "beginning", "starting"))

_TABLE: dict[str, tuple[tuple[_Pattern, ...], Resolver]] = {
    "day_word": (
        (
            (_one_of("yesterday", "today", "tomorrow"), _maybe(*PARTS_OF_DAY)),
            (_one_of(*rules.OWNING_DAYS),),
            _words("tonight"),
        ),
        rules.of_day_word,
    ),
    "part_of_day": (((_one_of("this", "last"), _one_of(*PARTS_OF_DAY)),), rules.of_part_of_day),
    "day_but_one": (
        (_words("the", "day", "before", "yesterday"), _words("the", "day", "after", "tomorrow")),
        rules.of_day_but_one,
    ),
    "vague_past": (
        (
            _words("recently"),
            _words("the", "other", "day"),
            _words("lately"),
            _words("just", "now"),
        ),
        rules.of_vague_past,
    ),
    "vague_future": (
        (_words("soon"), _words("in", "the", "near", "future")),
        rules.of_vague_future,
    ),
    "weekday": (((_one_of(*WEEKDAYS), _maybe(*PARTS_OF_DAY)),), rules.of_weekday),
    "feast": (((_one_of(*NAMING), _one_of(*WEEKDAYS)),), of_feast),
    "turned_weekday": (
        ((_DIRECTION, _one_of(*WEEKDAYS, *SHORT_WEEKDAYS), _maybe(*PARTS_OF_DAY)),),
        rules.of_weekday,
    ),
    "period": (
        ((_maybe("the"), _DIRECTION, _one_of("week", "weekend", "month", "year")),),
        rules.of_period,
    ),
    "named_period": (
        ((_one_of("last", "next", "this", "past"), _one_of(*SEASONS, *MONTHS)),),
        rules.of_named_period,
    ),
    "ago": (((*_AMOUNT, _UNIT, _one_of("ago")),), rules.of_ago),
    "ahead": (((_one_of("in"), *_AMOUNT, _UNIT),), rules.of_ahead),
    "duration": (((_one_of("for"), *_AMOUNT, _UNIT),), rules.of_duration),
    "in_month": (
        ((_MONTH,), (_MONTH, _YEAR), (_MONTH, _maybe("of"), *_YEAR_WORDS)),
        rules.of_month,
    ),
    "day_range": (_RANGES, of_day_range),
    "day_of_month": (
        (*_DAYS_OF_MONTH, *((*day[:-1], *_YEAR_WORDS) for day in _DAYS_OF_MONTH)),
        rules.of_day_of_month,
    ),
    DAY: (((_words("the")[0], _ORDINAL),), of_day_alone),
    DAYS: (((_maybe("the"), _ORDINAL, _TO, _maybe("the"), _ORDINAL),), of_days_alone),
    "week_of": (tuple((*_WEEK_OF, *day) for day in _DAYS_OF_MONTH), rules.of_week_of),
    "year": (((_YEAR,),), rules.of_year),
}
