"""Where something was found in a text, and the text without it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum


class Kind(StrEnum):
    """What a span holds. The value names the kind in settings, in metrics and in placeholders."""

    PRIVATE_KEY = "private-key"
    API_KEY = "api-key"
    TOKEN = "token"  # noqa: S105  (a name, as is the next)
    PASSWORD = "password"  # noqa: S105
    ACCESS_CODE = "access-code"
    CARD_NUMBER = "card-number"

    E_MAIL = "e-mail"
    PHONE = "phone"
    IBAN = "iban"
    IP_ADDRESS = "ip-address"
    NATIONAL_ID = "national-id"

    @property
    def placeholder(self) -> str:
        """What stands in a redacted text for a span of this kind: ``[card number]``."""
        return PLACEHOLDERS[self]


PLACEHOLDERS = {
    kind: f"[{kind.value if kind is Kind.E_MAIL else kind.value.replace('-', ' ')}]"
    for kind in Kind
}

_ANY_PLACEHOLDER = re.compile("|".join(map(re.escape, PLACEHOLDERS.values())))


def holds_placeholder(text: str) -> bool:
    """Whether something was taken out of the text before."""
    return _ANY_PLACEHOLDER.search(text) is not None


# Whoever holds one of these can act as its owner.
SECRETS = frozenset(
    {
        Kind.PRIVATE_KEY,
        Kind.API_KEY,
        Kind.TOKEN,
        Kind.PASSWORD,
        Kind.ACCESS_CODE,
        Kind.CARD_NUMBER,
    }
)
PERSONAL = frozenset(Kind) - SECRETS


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """Characters start to end (exclusive) of a text."""

    start: int
    end: int
    kind: Kind


def disjoint(spans: Iterable[Span]) -> tuple[Span, ...]:
    """Those spans in order, the overlapping ones joined under the kind of the longest of them."""
    joined: list[Span] = []
    longest = 0
    for span in sorted(spans, key=lambda span: (span.start, -span.end, span.kind)):
        if not joined or span.start >= joined[-1].end:
            joined.append(span)
            longest = span.end - span.start
            continue
        last = joined[-1]
        kind = last.kind
        if span.end - span.start > longest:
            kind, longest = span.kind, span.end - span.start
        joined[-1] = replace(last, end=max(last.end, span.end), kind=kind)
    return tuple(joined)


def redact(text: str, spans: Iterable[Span]) -> str:
    """The text with a placeholder for each span, and everything else as it was.

    Overlapping spans become one placeholder, as in `disjoint`.
    """
    pieces, at = [], 0
    for span in disjoint(spans):
        pieces += [text[at : span.start], span.kind.placeholder]
        at = span.end
    return "".join([*pieces, text[at:]])


def to_original(start: int, end: int, spans: Iterable[Span]) -> tuple[int, int]:
    """Where characters start to end of `redact(text, spans)` come from in the text.

    A placeholder counts as a whole, so a part of one comes from all that it stands for.
    """
    original_start, original_end = start, end
    for at, span in _placeholders(spans):
        past = at + len(span.kind.placeholder)
        shift = span.end - past
        if start >= past:
            original_start = start + shift
        elif start >= at:
            original_start = span.start
        if end >= past:
            original_end = end + shift
        elif end > at:
            original_end = span.end
    return original_start, max(original_start, original_end)


def _placeholders(spans: Iterable[Span]) -> Iterator[tuple[int, Span]]:
    """Each span with the position of its placeholder in the redacted text."""
    shift = 0
    for span in disjoint(spans):
        yield span.start + shift, span
        shift += len(span.kind.placeholder) - (span.end - span.start)
