"""What the turns before a turn tell: who and what they speak of, and what they ask.

`Told` is what one of them tells, `Before` what all of them mean to the one that is extracted.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from spacy.language import Language
from spacy.tokens import Doc

from extractor_service.domain import Role, Turn
from extractor_service.rules.answers import may_answer
from extractor_service.rules.antecedents import everyone, recalled
from extractor_service.rules.known import mark_names, named, pointed_at
from extractor_service.rules.naming import named_in_answer
from extractor_service.rules.parse import bounded, parse_said
from extractor_service.rules.people import HE, SHE, Mention, mentions
from extractor_service.rules.questions import Asked, asked
from extractor_service.rules.recent import Recent
from extractor_service.rules.speaker import ASSISTANT, Participants, self_introduction, tidy_name
from extractor_service.rules.things import Thing, things

_KEPT_TURNS = 256
_LONGEST_QUESTION = 300
"""Characters at the end of an assistant's turn in which its question is looked for."""


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


@dataclass(frozen=True, slots=True)
class Before:
    """The turns before one that is extracted, oldest first, as heard by who speaks in it."""

    earlier: Earlier
    turns: tuple[Turn, ...]
    who: Participants

    def question(self, doc: Doc) -> Asked | None:
        """What the last of them asks, if the first sentence of this one may answer it."""
        first = next(iter(doc.sents), None)
        if first is None or not self.turns or not may_answer(first):
            return None
        return self.earlier.told(*_asker(self.turns[-1], self.who)).asked

    def things(self) -> tuple[Thing, ...]:
        """The things of the last of them, if a person said it."""
        if not self.turns or self.turns[-1].role is not Role.USER:
            return ()
        return self.earlier.told(self.turns[-1], _as_said(self.turns[-1], self.who)).things

    def people(
        self, doc: Doc, known: tuple[Mention, ...], question: Asked | None
    ) -> tuple[Mention, ...]:
        """Those who were mentioned, in their order, with their names where these are known.

        `known` are those known from before the conversation. Their names in `doc` are marked.
        """
        pointed = tuple(pointed_at(doc, self.who, self.turns))
        before = tuple(self._people(doc, always=bool(pointed)))
        if (answered := named_in_answer(doc, question)) is not None:
            before = (*before, answered)
        mark_names(doc, (*before, *mentions(doc, self.who), *known))
        here = sorted((*everyone(doc, self.who), *pointed), key=lambda mention: mention.start)
        people = named((*before, *here), known)
        return tuple(m for m in people if m.supplied or m not in pointed)

    def _people(self, doc: Doc, *, always: bool) -> Iterator[Mention]:
        """Whom a pronoun may mean, and whose name may be put right."""
        if always or any(token.tag_ in {"PRP", "PRP$", "NNP"} for token in doc):
            for turn in self.turns:
                if turn.role is Role.USER:
                    yield from self.earlier.told(turn, _as_said(turn, self.who)).people
            spoken = bool(self.turns) and self.turns[-1].role is Role.ASSISTANT
            if spoken and any(token.lower_ in SHE | HE for token in doc):
                yield from self.earlier.told(*_asker(self.turns[-1], self.who)).people


def _as_said(turn: Turn, who: Participants) -> Participants:
    """Who speaks to whom in an earlier turn of the conversation that `who` are in."""
    speaker = tidy_name(turn.speaker) or who.speaker
    return Participants(speaker, who.speaker if speaker != who.speaker else who.other)


def _asker(turn: Turn, who: Participants) -> tuple[Turn, Participants]:
    """Who may have asked in an earlier turn; of a long one only the end is read."""
    if turn.role is Role.USER:
        return turn, _as_said(turn, who)
    return replace(turn, text=turn.text[-_LONGEST_QUESTION:]), Participants(ASSISTANT, who.speaker)


def _told(doc: Doc, who: Participants) -> Told:
    people = (recalled(mention, doc, who) for mention in everyone(doc, who))
    return Told(
        tuple(each for each in people if each is not None), things(doc.sents, who), asked(doc, who)
    )
