"""What a deployment keeps out of its memory."""

from __future__ import annotations

import re
from dataclasses import dataclass

from service_kit.guard.personal import find_personal
from service_kit.guard.secrets import find_secrets
from service_kit.guard.spans import PERSONAL, SECRETS, Kind, Span, disjoint, redact, to_original

_GROUPS = {"none": frozenset[Kind](), "secrets": SECRETS, "personal": PERSONAL}
_SEPARATORS = re.compile(r"[\s,+]+")

# Taking something out can bring to light what it hid: a second look finds that. More looks than
# this are only needed by a text made for it.
_MOST_LOOKS = 8


@dataclass(frozen=True, slots=True)
class Policy:
    """The kinds that are replaced by placeholders before a text is stored, embedded or sent."""

    kinds: frozenset[Kind] = SECRETS

    @classmethod
    def parse(cls, setting: str) -> Policy:
        """``none``, ``secrets``, ``secrets+personal``, or kinds and groups: ``secrets, e-mail``.

        Raises ValueError, naming what there is, for anything else and for an empty setting.
        """
        names = [name for name in _SEPARATORS.split(setting.strip().lower()) if name]
        known = {kind.value: frozenset({kind}) for kind in Kind} | _GROUPS
        if not names or any(name not in known for name in names):
            raise ValueError(f"should name some of {', '.join([*_GROUPS, *Kind])}")
        if "none" in names and len(names) > 1:
            raise ValueError("should name nothing beside none")
        return cls(frozenset().union(*(known[name] for name in names)))

    def __str__(self) -> str:
        """The kinds as `parse` reads them, in order."""
        return ",".join(sorted(self.kinds)) or "none"


@dataclass(frozen=True, slots=True)
class Guarded:
    """A text without what the policy keeps out.

    `kinds` are those found, in order; `spans` are places in the original text, whose placeholders
    `to_original` leads back from.
    """

    text: str
    kinds: tuple[Kind, ...] = ()
    spans: tuple[Span, ...] = ()


def guarded(text: str, policy: Policy) -> Guarded:
    """The text as the policy allows it; the very same text where nothing is found."""
    spans: tuple[Span, ...] = ()
    clean = text
    for _ in range(_MOST_LOOKS):
        found = _found(clean, policy)
        if not found:
            break
        spans = disjoint([*spans, *(_in_original(span, spans) for span in found)])
        clean = redact(text, spans)
    return Guarded(clean, tuple(sorted({span.kind for span in spans})), spans)


def _found(text: str, policy: Policy) -> tuple[Span, ...]:
    secrets: tuple[Span, ...] = ()
    if policy.kinds & SECRETS:
        secrets = tuple(span for span in find_secrets(text) if span.kind in policy.kinds)
    return disjoint([*secrets, *find_personal(text, policy.kinds & PERSONAL)])


def _in_original(span: Span, spans: tuple[Span, ...]) -> Span:
    start, end = to_original(span.start, span.end, spans)
    return Span(start, end, span.kind)
