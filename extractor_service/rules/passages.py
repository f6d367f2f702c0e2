"""Passages: what one memory is made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from spacy.tokens import Span, Token

from extractor_service.rules.clauses import Clause
from extractor_service.rules.dates import DateMention
from extractor_service.rules.pronouns import Around, UnresolvedError
from extractor_service.rules.rewrite import third_person
from extractor_service.rules.statements import ends_something, statements
from extractor_service.rules.surroundings import Surroundings
from extractor_service.rules.things import Thing, things
from extractor_service.rules.timing import dates_of


@dataclass(frozen=True, slots=True)
class Passage:
    """A clause and those after it that mean nothing alone, each with its words in third person.

    `guessed` says that a thing named earlier was put where the clause only said "it" or "they".
    """

    clauses: tuple[Clause, ...]
    told: tuple[str, ...]
    guessed: bool = False

    def with_(self, clause: Clause, told: str) -> Passage:
        """The same with one more clause at its end."""
        return Passage((*self.clauses, clause), (*self.told, told), self.guessed)

    @property
    def tokens(self) -> tuple[Token, ...]:
        """All tokens, what a clause borrows from another included."""
        return tuple(token for clause in self.clauses for token in clause.tokens)

    @property
    def own(self) -> tuple[Token, ...]:
        """All tokens as they stand in the text."""
        return tuple(token for clause in self.clauses for token in clause.own)


def passages(parts: Sequence[Span], around: Surroundings) -> list[Passage]:
    """The turn's statements, those that mean nothing alone told with the one before.

    What ends something stands alone: it takes the place of what was so.
    """
    told_so_far: list[Passage] = []
    for clause in statements(parts, around):
        dates = dates_of(clause, around.dates)
        alone = Around(around.who, around.people)
        if (told := _told(clause, alone, dates)) is not None:
            told_so_far.append(Passage((clause,), (told,)))
        elif (
            told_so_far
            and not ends_something(told_so_far[-1].clauses[0])
            and (told := _told(clause, alone.after(told_so_far[-1].tokens), dates))
        ):
            told_so_far[-1] = told_so_far[-1].with_(clause, told)
        elif told := _told(clause, _guessing(alone, clause, around), dates):
            told_so_far.append(Passage((clause,), (told,), guessed=True))
    return told_so_far


def _guessing(alone: Around, clause: Clause, around: Surroundings) -> Around:
    return alone.among(_things_ahead(clause, around), around.known)


def _things_ahead(clause: Clause, around: Surroundings) -> tuple[Thing, ...]:
    """The things that a pronoun of the clause may mean: those of this turn, then the last."""
    doc, start = clause.head.doc, clause.head.sent.start
    here = things((part for part in doc.sents if part.start < start), around.who)
    return (*here, *around.things())


def _told(clause: Clause, around: Around, dates: Sequence[DateMention]) -> str | None:
    try:
        return third_person(clause, around, dates)
    except UnresolvedError:
        return None
