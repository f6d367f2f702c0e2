"""What a query asks for: about whom, whether for a time, and about which one. Pure, and English.

A name that is on every memory says nothing of which one is meant, and outweighs the rest of the
query in a small model's vector: on LoCoMo's development conversations the vectors alone found turns
with an nDCG@10 of 24.8 by the whole question, and of 42.0 by the question without its names.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from memory_service.domain.lexical import query_terms
from memory_service.domain.periods import Period, periods_in

_WHEN = re.compile(
    r"^\W*(?:when|since when|until when)\b|\b(?:what|which) (?:date|day|month|year|time)\b"
    r"|\bhow long ago\b",
    re.IGNORECASE,
)
_SPACE = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Asked:
    """A query as it is searched for: `text` by its meaning, `words` by its words.

    `names` are those of known people that it mentions, in lower case. `periods` are the times that
    it names.
    """

    text: str
    words: tuple[str, ...]
    names: frozenset[str] = frozenset()
    wants_time: bool = False
    periods: tuple[Period, ...] = ()


def understand(query: str, known_names: Iterable[str], now: int) -> Asked:
    """Return what is asked, by a query of somebody who talks to these people; `now` in µs."""
    text, words, named = meant(query, known_names)
    return Asked(
        text=text,
        words=tuple(words),
        names=frozenset(name.casefold() for name in named),
        wants_time=_WHEN.search(query) is not None,
        periods=periods_in(query, now),
    )


def meant(query: str, known_names: Iterable[str]) -> tuple[str, list[str], set[str]]:
    """Return the text and the words of an `Asked`, and the names as they are known."""
    folded = query.casefold()
    # Most names are not in most queries: making a pattern of each would take longer than the rest.
    near = (name for name in known_names if name.casefold() in folded)
    named = {name for name in near if _name(name).search(query)}
    text = query
    for name in sorted(named, key=len, reverse=True):
        text = _name(name).sub(" ", text)
    text = _SPACE.sub(" ", text).strip()
    words = query_terms(text)
    return (text, words, named) if words else (query.strip(), query_terms(query), named)


def _name(name: str) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w){re.escape(name)}(?:['’]s)?(?!\w)", re.IGNORECASE)
