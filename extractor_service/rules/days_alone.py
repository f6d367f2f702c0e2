"""Days without their month: "till the 20th", "from the 17th to the 19th".

They are of the month to come, or of the one that is over where the past is told; nothing is known
of them where another month is spoken of, or what comes again every month.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime

from dateutil.relativedelta import relativedelta
from spacy.tokens import Span, Token

from extractor_service.domain import EventTime, Precision
from extractor_service.rules.date_rules import SHORT_MONTHS, Said
from extractor_service.rules.day_ranges import range_words
from extractor_service.rules.when import MONTHS, When, on_day
from extractor_service.rules.words import word_set

DAY, DAYS = "day_alone", "days_alone"

ORDINAL = r"^([1-9]|[12]\d|3[01])(st|nd|rd|th)$"

_UNMISTAKABLE = "|".join(n for n in (*MONTHS, *SHORT_MONTHS) if n[:3] not in {"may", "mar"})
_A_MONTH = re.compile(
    rf"\b(?:(?i:{_UNMISTAKABLE})|(?:May|Mar|March)|(?i:may|mar|march)(?= \d)"
    r"|(?:(?<=\d )|(?<=(?:st|nd|rd|th) )|(?<=of ))(?:may|mar|march)|(?i:months?))\b"
)
_BOUNDS = frozenset({"till", "until", "by", "since"})
_DAYS_ONLY_WHERE_SO_READ = frozenset({"on", "before", "after", "from", "to"})
_MONTHLY = word_set(
    "rent salary wage pay payday mortgage bill instalment installment birthday anniversary"
)
_MONTHS_AHEAD = 3  # of two that follow each other, one has 31 days


def of_day_alone(said: Said) -> When | None:
    """Resolve "the 20th"."""
    day = _days(said)[0]
    found = _nearest(said, day, day)
    return on_day(found) if found is not None else None


def of_days_alone(said: Said) -> When | None:
    """Resolve "the 17th to the 19th"."""
    first, last = _days(said)
    begin = _nearest(said, first, last)
    if begin is None or first > last:
        return None
    words = range_words(begin, begin.replace(day=last))
    return When(EventTime(begin, Precision.DAY), "from", words)


def _days(said: Said) -> list[int]:
    return [int(word[:-2]) for word in said.words if re.match(ORDINAL, word)]


def _nearest(said: Said, first: int, last: int) -> datetime | None:
    """The first of such days in the direction of the tense, if no other month is spoken of."""
    today = said.today()
    for steps in range(_MONTHS_AHEAD):
        month = today.replace(day=1) + relativedelta(months=-steps if said.past else steps)
        end = month + relativedelta(day=last)
        if end.day == last and (end <= today if said.past else end >= today):
            return month.replace(day=first) if said.months <= {month.month} else None
    return None


def months_spoken_of(texts: Iterable[str]) -> frozenset[int]:
    """The numbers of the months that are named in these texts; 0 for "next month" and the like."""
    words = (word.lower() for text in texts for word in _A_MONTH.findall(text))
    names = (SHORT_MONTHS.get(word, word) for word in words)
    return frozenset(MONTHS.index(name) + 1 if name in MONTHS else 0 for name in names)


def is_day_alone(span: Span) -> bool:
    """Whether it is a day: "till the 20th", and not "the 3rd floor", "we live on the 3rd"."""
    before = span.doc[span.start - 1].lower_ if span.start else ""
    if _goes_on(span) or any(token.lemma_ in _MONTHLY for token in span.sent):
        return False
    if span.label_ == DAYS:
        return before == "from"
    read_so = span[-1].ent_type_ == "DATE"
    return before in _BOUNDS or (before in _DAYS_ONLY_WHERE_SO_READ and read_so)


def _goes_on(span: Span) -> bool:
    """ "The 3rd floor", "the 2nd of the books", "the 3rd and the 5th"."""
    after: list[Token] = list(span.doc[span.end : span.end + 3])
    named = bool(after) and (after[0].pos_ in {"NOUN", "PROPN", "ADJ"} or after[0].lower_ == "of")
    joined = bool(after) and after[0].lower_ in {"and", "or", ",", "to"}
    return named or (joined and any(re.match(ORDINAL, token.lower_) for token in after))
