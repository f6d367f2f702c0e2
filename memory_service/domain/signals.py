"""What the ranking of a search looks at in a memory, beside its words and its vector. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from memory_service.domain.lexical import indexed_terms, number_of_terms
from memory_service.domain.memory import Memory

Place = tuple[str, int]
"""A session, and the place of a message in it."""

_TIME_WORDS = re.compile(
    r"\b(?:yesterday|today|tonight|tomorrow|ago|last|next|since|until|recently|weekend"
    r"|this (?:week|month|year|morning|afternoon|evening)|weeks?|months?|years?"
    r"|(?:mon|tues|wednes|thurs|fri|satur|sun)day"
    r"|january|february|march|april|june|july|august|september|october|november|december"
    r"|(?:19|20)\d\d|\d\d?(?:st|nd|rd|th)|\d\d?(?::\d\d| ?[ap]\.?m\b))\b",
    re.IGNORECASE,
)
"""Words of English that say when; "may" is a verb more often than a month."""


class Signals(NamedTuple):
    """Of a memory: whose `names` it bears, in lower case; how many words it has of its own.

    `answers`: it was said right after a question. `timed`: it says when. `time`, in microseconds:
    when it happened, else when it was said; `said`: when it was said last. `mentions`: how often
    it was said. `place` is that of a message; `sources` are the session and message ids that it
    comes from. A tuple, because hundreds are made for a search.
    """

    names: Sequence[str]
    length: int
    answers: bool
    timed: bool
    time: int
    said: int
    mentions: int
    pinned: bool
    place: Place | None
    sources: Sequence[tuple[str, str]]


def signals_of(memory: Memory, own: Sequence[str] | None = None) -> Signals:
    """Return what there is to see in a memory.

    `own` are the `indexed_terms` of its text, if they are known.
    """
    own = indexed_terms(memory.text) if own is None else own
    turn = memory.turn
    names = [turn.speaker] if turn else [entity.name for entity in memory.entities]
    dated = memory.event_time is not None and turn is None
    return Signals(
        names=tuple(dict.fromkeys(name.casefold() for name in names if name)),
        length=number_of_terms(memory.text, own),
        answers=turn is not None and turn.preceding.rstrip().endswith("?"),
        timed=dated or _TIME_WORDS.search(memory.text) is not None,
        time=memory.event_time.micros if memory.event_time else memory.last_said,
        said=memory.last_said,
        mentions=max(len(memory.sources), 1),
        pinned=memory.pinned,
        place=(memory.sources[0].session_id, turn.sequence) if turn and memory.sources else None,
        sources=tuple(dict.fromkeys((s.session_id, s.message_id) for s in memory.sources)),
    )
