"""A word that is put right in a message of its own: "I meant Bergen, not Oslo", "*Bergen"."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from spacy.tokens import Doc

from extractor_service.domain import Finding, Source, Turn
from extractor_service.rules.corrections import SURENESS, is_alike
from extractor_service.rules.known import PERSON
from extractor_service.rules.people import THIRD_PERSON

_LONGEST_SLIP = 100
_WORDS = r"[^\W_][\w'\u2019&-]*(?: [^\W_][\w'\u2019&-]*){0,3}"
_OPENING = (
    r"(?:(?:oh|ah|oops|sorry|no|wait|well|actually|correction|typo|my bad|i mean"
    r"|i meant(?: to (?:say|write|type))?)\b[\s,:;.!-]*)*"
)
_IT_IS = r"(?:(?:it'?s|it is|that'?s) (?=\d))?"
_DENIED = re.compile(
    rf"\s*{_OPENING}{_IT_IS}(?P<right>{_WORDS}), (?:and )?not (?P<wrong>{_WORDS})[\s.!]*",
    re.IGNORECASE,
)
_STARRED = re.compile(rf"\s*(?:\*(?P<ahead>{_WORDS})|(?P<behind>{_WORDS})\*)\s*")
_SAYING = frozenset({"VERB", "AUX", "PRON"})


@dataclass(frozen=True, slots=True)
class Slip:
    """The right word and where it stands in its message, and the wrong one; "" if not said."""

    right: str
    start: int
    wrong: str

    def may_be_in(self, text: str) -> bool:
        """Whether the wrong word may stand there."""
        return self.wrong.casefold() in text.casefold()


@dataclass(frozen=True, slots=True)
class Said:
    """What somebody said before, the turns before it, and what was found in it."""

    turn: Turn
    context: tuple[Turn, ...]
    found: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class Spot:
    """Where the wrong word stands in what was said, in characters."""

    said: Said
    start: int
    end: int

    def put_right(self, right: str) -> Turn:
        """The turn as it was meant."""
        text = self.said.turn.text
        return replace(self.said.turn, text=f"{text[: self.start]}{right}{text[self.end :]}")


def slip(text: str) -> Slip | None:
    """What a message puts right whose form says nothing else; see `states`."""
    if len(text) > _LONGEST_SLIP:
        return None
    if starred := _STARRED.fullmatch(text):
        side = "ahead" if starred["ahead"] else "behind"
        return Slip(starred[side], starred.start(side), "")
    denied = _DENIED.fullmatch(text)
    if denied is None or len(denied["right"].split()) > len(denied["wrong"].split()) + 1:
        return None
    return Slip(denied["right"], denied.start("right"), denied["wrong"])


def states(made: Slip, doc: Doc) -> bool:
    """Whether the right word of a message is a statement: "Petra drinks, not coffee"."""
    end = made.start + len(made.right)
    words = doc.char_span(made.start, end, alignment_mode="expand") if made.wrong else None
    return words is not None and any(token.pos_ in _SAYING for token in words)


def meant(made: Slip, said: Sequence[Said]) -> Spot | None:
    """Where the wrong word stands that is put right; None where it is not certain.

    `said` are the turns of whoever puts it right, oldest first. A wrong word that is not said is
    looked for in the last alone, which has to make one statement.
    """
    if not made.wrong and (not said or len(said[-1].found) != 1):
        return None
    spots = [spot for one in (said if made.wrong else said[-1:]) for spot in _spots(made, one)]
    return spots[0] if len(spots) == 1 else None


def restated(made: Slip, turn: Turn, found: Finding) -> Finding:
    """What is found in a turn put right, as said by the message that puts it right."""
    start = len(turn.text[: made.start].encode())
    source = Source(turn.id, start, start + len(made.right.encode()))
    return replace(found, source=source, confidence=min(found.confidence, SURENESS))


def _spots(made: Slip, one: Said) -> Iterator[Spot]:
    """Where the wrong word stands in the statements of a turn."""
    encoded = one.turn.text.encode()
    for found in one.found:
        ahead = len(encoded[: found.source.start].decode())
        quote = encoded[found.source.start : found.source.end].decode()
        if wrong := made.wrong or _mistaken(made.right, quote, found):
            pattern = re.compile(rf"(?<!\w){re.escape(wrong)}(?!\w)", re.IGNORECASE)
            for match in pattern.finditer(quote):
                yield Spot(one, ahead + match.start(), ahead + match.end())


def _mistaken(right: str, quote: str, found: Finding) -> str:
    """The word that is written like the right one, else the only name, if it is nobody's."""
    words = re.findall(r"\w+", quote)
    if alike := {word for word in words if is_alike(word, right)}:
        return alike.pop() if len(alike) == 1 else ""
    names = [entity for entity in found.entities if entity.name in quote]
    pointing = any(word.lower() in THIRD_PERSON for word in words)
    alone = len(names) == 1 and names[0].kind != PERSON and not pointing
    return names[0].name if alone and right[0].isupper() else ""
