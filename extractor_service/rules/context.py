"""What the turns before a turn tell: who and what they speak of, and what they ask."""

from __future__ import annotations

from dataclasses import dataclass

from spacy.language import Language
from spacy.tokens import Doc

from extractor_service.domain import Turn
from extractor_service.rules.antecedents import everyone, recalled
from extractor_service.rules.parse import bounded, parse_said
from extractor_service.rules.people import Mention
from extractor_service.rules.questions import Asked, asked
from extractor_service.rules.recent import Recent
from extractor_service.rules.speaker import Participants, self_introduction
from extractor_service.rules.things import Thing, things

_KEPT_TURNS = 256


@dataclass(frozen=True, slots=True)
class Told:
    """What one turn tells those after it; `things` has the likeliest to be meant first.

    `asked` is the question it ends with, if an answer of some words can make a statement of it.
    """

    people: tuple[Mention, ...]
    things: tuple[Thing, ...]
    asked: Asked | None


class Earlier:
    """Reads turns as context, each once: a turn that was extracted is not parsed again."""

    def __init__(self, nlp: Language) -> None:
        """Parse with this pipeline what was not parsed before."""
        self._nlp = nlp
        self._told: Recent[tuple[str, Participants], Told] = Recent(_KEPT_TURNS)
        self._introductions: Recent[str, str] = Recent(_KEPT_TURNS)

    def remember(self, turn: Turn, who: Participants, doc: Doc) -> None:
        """Keep what a turn tells, for when it is the context of the next."""
        self._told.put((bounded(turn.text), who), _told(doc, who))

    def told(self, turn: Turn, who: Participants) -> Told:
        """What a turn tells, said by `who.speaker` to `who.other`."""
        text = bounded(turn.text)
        found = self._told.get((text, who))
        if found is None:
            found = _told(parse_said(self._nlp, text), who)
            self._told.put((text, who), found)
        return found

    def introduction(self, turn: Turn) -> str | None:
        """The name that a nameless speaker gave."""
        text = bounded(turn.text)
        found = self._introductions.get(text)
        if found is None:
            found = self_introduction(parse_said(self._nlp, text)) or ""
            self._introductions.put(text, found)
        return found or None


def _told(doc: Doc, who: Participants) -> Told:
    people = (recalled(mention, doc, who) for mention in everyone(doc, who))
    return Told(
        tuple(each for each in people if each is not None), things(doc.sents, who), asked(doc, who)
    )
