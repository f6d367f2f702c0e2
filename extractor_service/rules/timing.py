"""When what a clause tells happened."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from spacy.tokens import Doc, Token

from extractor_service.domain import EventTime, Precision
from extractor_service.rules.clauses import Clause
from extractor_service.rules.clock import clock_time
from extractor_service.rules.dates import DateMention


def dates_of(clause: Clause, dates: Sequence[DateMention]) -> list[DateMention]:
    """Of the dates in a text those that stand in the clause."""
    own = {token.i for token in clause.own}
    return [mention for mention in dates if mention.start in own]


def event_time(clause: Clause, dates: Sequence[DateMention]) -> EventTime | None:
    """The date nearest to the verb; to the minute when a clock time stands beside it."""
    doc = clause.head.doc
    timed = [m for m in dates if m.when.event is not None and not _is_bound(doc, m)]
    if not timed:
        return None
    nearest = min(timed, key=lambda m: (_depth(doc[m.start : m.end].root, clause.head), m.start))
    event = nearest.when.event
    clock = clock_time(clause.own)
    if event is None or clock is None or event.precision is not Precision.DAY:
        return event
    return EventTime(datetime.combine(event.time, clock, event.time.tzinfo), Precision.MINUTE)


def _is_bound(doc: Doc, mention: DateMention) -> bool:
    """ "since 2016", "until Friday", "not on Monday": not when something happened."""
    before = [token.lower_ for token in doc[max(mention.start - 2, 0) : mention.start]]
    if before and before[-1] in {"on", "in"}:
        before.pop()
    return bool(before) and before[-1] in {"since", "until", "till", "not"}


def _depth(token: Token, head: Token) -> int:
    chain = [token, *token.ancestors]
    return chain.index(head) if head in chain else len(chain)
