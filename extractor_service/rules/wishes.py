"""Wishes addressed to whoever answers: "Keep answers short", "email me, don't call".

Only what is to last: what is asked for once is left alone, as all orders are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from extractor_service.rules.wish_forms import FORMS, Form, Scope

_SENTENCE = re.compile(r"[^.!?\n]+[.!?]*")
_PAUSE = re.compile(r"[ ,;]*[.!]*")
_LASTING = re.compile(
    r"\b(?:always|never|ever|any ?more|from now on|in general|in (?:the )?future|going forward"
    r"|at all times|by default)\b",
    re.IGNORECASE,
)
_ASKS_YOU = re.compile(r"\b(?:can|could|would|will) you\b", re.IGNORECASE)
_TASK = re.compile(
    r"\?|(?:^|[.!,;:\n-])\s*(?:please |just |and |but ){0,2}"
    r"(?:write|give|show|make|tell|explain|create|draft|list|help|translate|summari[sz]e|fix"
    r"|suggest|recommend|find|compose|plan|describe|compare|listen|continue)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants, without the subject, and where they say so, in characters."""

    told: str
    start: int
    end: int


def wishes(text: str) -> tuple[Wish, ...]:
    """What a text wants from whoever answers, in its order."""
    sentences = (found for found in _SENTENCE.finditer(text) if not _is_quoted(text, found.start()))
    return tuple(wish for sentence in sentences for wish in _at_the_beginning(sentence))


def unwished(text: str, wished: Sequence[Wish]) -> str:
    """The text with its wishes blanked, character for character."""
    for wish in wished:
        end = _end_of_pause(text, wish.end)
        blank = re.sub(r"[^\n]", " ", text[wish.start : end])
        text = f"{text[: wish.start]}{blank}{text[end:]}"
    return text


def _at_the_beginning(sentence: re.Match[str]) -> Iterator[Wish]:
    """The wishes that a sentence opens with: what stands behind another statement hangs on it."""
    text, start, end = sentence.string, sentence.start(), sentence.end()
    if sentence.group().endswith("?") and not _ASKS_YOU.search(sentence.group()):
        return
    while (found := _wish(text, start, end)) is not None:
        yield found
        start = _end_of_pause(text, found.end)


def _end_of_pause(text: str, place: int) -> int:
    """Where what follows begins, behind a comma or full stop."""
    pause = _PAUSE.match(text, place)
    return place if pause is None else pause.end()


def _wish(text: str, start: int, end: int) -> Wish | None:
    for form in FORMS:
        found = form.pattern.match(text, start, end)
        if found and _lasts(form, found) and (told := form.told(found)):
            said = found.group()
            return Wish(told, start + len(said) - len(said.lstrip()), found.end())
    return None


def _lasts(form: Form, found: re.Match[str]) -> bool:
    if form.scope is Scope.ALONE and _TASK.search(found.string):
        return False
    return form.scope is not Scope.MARKED or _LASTING.search(found.group()) is not None


def _is_quoted(text: str, place: int) -> bool:
    """Whether somebody else is quoted: "My teacher said: always answer in English"."""
    return text[:place].rstrip().endswith(":") or text.count('"', 0, place) % 2 == 1
