"""What a strategy keeps of the memories that rules found."""

from __future__ import annotations

import re
from collections.abc import Iterable

from extractor_service.domain import Finding, Role, Strategy, StrategyKind

PREFERENCES = "preferences"
"""The topic of memories that are of nothing but a like or dislike."""

# Wants and choices are plans and events to the rules, and a like may be worded without its verb.
# "like" and "love" alone are as often no verbs: "a house like Emma's", "the love of his life". And
# "lost his favourite pen" does not state what he likes.
_PREFERRING = re.compile(
    r"""\b(?:
      likes | liked | loves | loved | hates | hated | adores? | adored | enjoys? | enjoyed
    | prefers? | preferred | dislikes? | disliked | wants? | wanted | wishes | hopes
    | chooses | chose | chosen | opts? | opted | decided\ on
    | favou?rites?\b .* \b(?:is | are | was | were) | (?:is | are | was | were)\b .* \bfavou?rites?
    | (?:not | \w+n't | would | 'd | 'll) \ (?:really\ )? (?:like | love | hate | choose)
    | (?:can't | cannot | can\ not) \ (?:really\ )? (?:stand | bear)
    | would\ (?:much\ )? rather | (?:fan | fond) \ of | keen\ on | interested\ in
    | (?:is | are) (?:\ really | \ very | \ so | \ not)? \ into
    )\b""",
    re.VERBOSE,
)


def kept(findings: Iterable[Finding], role: Role, strategy: Strategy) -> tuple[Finding, ...]:
    """The findings in a turn of this role that the strategy asks for, in their order.

    Without a language model SUMMARY and CUSTOM are as DISCRETE: all of them. What the assistant
    did is found only where it is asked for, beside whatever else is.
    """
    if strategy.kind is StrategyKind.PREFERENCES and role is Role.USER:
        return tuple(finding for finding in findings if is_preference(finding))
    return tuple(findings)


def is_preference(finding: Finding) -> bool:
    """Whether it tells what somebody likes, dislikes, wants or chose: by its topic or wording."""
    text = finding.text.casefold().replace("\u2019", "'")
    return PREFERENCES in finding.topics or _PREFERRING.search(text) is not None
