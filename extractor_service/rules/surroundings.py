"""What is known around the clauses of one turn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from extractor_service.domain import Turn
from extractor_service.rules.dates import DateMention
from extractor_service.rules.people import Mention
from extractor_service.rules.speaker import Participants
from extractor_service.rules.things import Thing


@dataclass(frozen=True, slots=True)
class Surroundings:
    """A turn, who speaks to whom, and what its words may point at.

    `people` stand in the order they were mentioned; `things` gives those of the turn before, and
    is asked only when a pronoun needs them. `known` are those known from before the conversation.
    """

    turn: Turn
    who: Participants
    people: tuple[Mention, ...]
    dates: tuple[DateMention, ...]
    things: Callable[[], tuple[Thing, ...]]
    known: tuple[Mention, ...] = ()
