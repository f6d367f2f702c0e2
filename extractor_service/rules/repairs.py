"""A word that is put right in the message that it stands in: "I live in Oslo, no wait, Bergen"."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from extractor_service.domain import Source

# "Sorry" and "I mean" put right what is of a kind with what was said; after them a name may as well
# be whom they are said to.
_SURE = (
    r"(?:no,? wait|wait,? no|actually,? no|no,? actually|scratch that|(?:no|sorry|oops),? i meant?"
    r"|i meant)"
)
_UNSURE = r"(?:sorry|i mean|or rather|make that)"
_WORD = r"\w[\w:']*"
_REPAIR = re.compile(
    rf"[\s.,;!\u2013\u2014\u2026-]{{1,10}}(?:(?P<sure>{_SURE})|{_UNSURE})[\s,:.!-]{{1,5}}"
    rf"(?:i meant?,? |it'?s |make it )?(?:(?P<link>in|on|at|to|for|with) )?"
    rf"(?P<right>{_WORD}(?: {_WORD}){{0,2}})(?=\s*(?:[.,!;]|$))",
    re.IGNORECASE,
)
_SENTENCE_ENDS = ".!?\n"
_DAY = r"(?:mon|tues|wednes|thurs|fri|satur|sun)day"
_MONTH = (
    r"(?:january|february|march|april|may|june|july|august|september|october|november|december)"
)
_NUMBER = r"(?:\d[\d:,]*|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve)"
_NAME = re.compile(r"[^\W\d_a-z][^\W\d_]+(?: [^\W\d_a-z][^\W\d_]+)*")
_COUNTED = re.compile(rf"{_NUMBER}(?P<what>(?: [a-z]+)*)", re.IGNORECASE)
_OF_A_KIND = re.compile(r"(?P<ahead>the|a|an|my) (?P<which>[a-z]+) (?P<what>[a-z]+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Repaired:
    """A message as it was meant, and where in what was said its repaired word and the rest stand.

    The wrong word goes from `start` to `end`, what puts it right from `again` to `over`.
    """

    text: str
    said: str
    start: int
    end: int
    again: int
    over: int

    def in_said(self, source: Source) -> Source:
        """Where what is found in the text as it was meant comes from; both words, if of them."""
        first, last = (len(self.text.encode()[:at].decode()) for at in (source.start, source.end))
        grown = len(self.text) - len(self.said) + self.over - self.again
        right_end = self.end + grown
        touched = first < right_end and last > self.start
        last = self.over if touched and self._to_said(last) < self.over else self._to_said(last)
        first, last = (len(self.said[:at].encode()) for at in (self._to_said(first), last))
        return replace(source, start=first, end=last)

    def _to_said(self, place: int) -> int:
        grown = len(self.text) - len(self.said) + self.over - self.again
        if place <= self.start:
            return place
        before = place - grown
        return before if before <= self.again else before + self.over - self.again


def repaired(text: str) -> Repaired | None:
    """The message as it was meant; None where nothing is put right, or it is not certain what."""
    for found in _REPAIR.finditer(text):
        begin = max(text.rfind(mark, 0, found.start()) for mark in _SENTENCE_ENDS) + 1
        spots = list(_wrong(text[begin : found.start()], found))
        if len(spots) == 1:
            start, end, right = begin + spots[0][0], begin + spots[0][1], spots[0][2]
            meant = text[:start] + right + text[end : found.start()] + text[found.end() :]
            return Repaired(meant, text, start, end, found.start(), found.end())
    return None


def _wrong(sentence: str, found: re.Match[str]) -> Iterator[tuple[int, int, str]]:
    """What may be meant in the sentence before, and what takes its place."""
    right, link = found["right"], found["link"]
    for start, end, new in _alike(sentence, right, sure=bool(found["sure"])):
        if link is None or sentence[:start].lower().endswith(f" {link.lower()} "):
            yield start, end, new


def _alike(sentence: str, right: str, *, sure: bool) -> Iterator[tuple[int, int, str]]:
    """What is of a kind with the right word: a day, a month, a number, "the green one", a name."""
    for kind in (_DAY, _MONTH):
        if re.fullmatch(kind, right, re.IGNORECASE):
            yield from _each(rf"\b{kind}\b", sentence, right)
            return
    if counted := _COUNTED.fullmatch(right):
        what = counted["what"]
        yield from _each(rf"\b{_NUMBER}{what}\b(?![:.]?\d)", sentence, right)
        if what:
            yield from _each(rf"\b{_NUMBER}$", sentence, right)
    elif which := _OF_A_KIND.fullmatch(right):
        what = r"[a-z]+" if which["what"].lower() == "one" else which["what"]
        kind = rf"\b(?<={which['ahead']} )[a-z]+(?= {what}\b)"
        yield from _each(kind, sentence, which["which"])
    elif sure and _NAME.fullmatch(right):
        names = (name for name in _NAME.finditer(sentence) if sentence[: name.start()].strip())
        yield from ((name.start(), name.end(), right) for name in names)


def _each(kind: str, sentence: str, right: str) -> Iterator[tuple[int, int, str]]:
    for wrong in re.finditer(kind, sentence, re.IGNORECASE):
        yield wrong.start(), wrong.end(), right
