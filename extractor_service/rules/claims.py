"""What an act puts in a slot."""

from __future__ import annotations

from spacy.tokens import Token

from extractor_service.domain import UNNAMED
from extractor_service.reading import NOTHING, Claim
from extractor_service.rules.acts import Act
from extractor_service.rules.tense import is_past, is_present_perfect


def claim(
    act: Act,
    attribute: str,
    value: frozenset[str] | set[str],
    *,
    subject: str = "",
    holds: bool | None = None,
    exclusive: bool = True,
    excludes: frozenset[str] = NOTHING,
    shifts: bool = False,
    stays: bool = False,
) -> Claim:
    """What an act puts in a slot of its subject, unless said otherwise."""
    return Claim(
        slot=f"{subject or act.subject}|{attribute}",
        value=frozenset(value) - act.replaced,
        holds=act.holds if holds is None else holds,
        exclusive=exclusive,
        replaced=act.replaced,
        excludes=excludes,
        shifts=shifts,
        happened=is_done(act) and not is_present_perfect(act.clause.head),
        stays=stays,
    )


def is_done(act: Act) -> bool:
    """Whether it is told in the past."""
    return is_past(act.clause.head)


def owner_unsaid(thing: Token) -> str:
    """Of "the wedding" that is nobody's: who speaks of it, and is not named."""
    return UNNAMED if any(t.lower_ == "the" for t in thing.lefts) else ""
