"""What is asked of turns and of facts apart, and how it becomes one ranking. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from memory_service.domain.asking import Asked
from memory_service.domain.features import pool_of
from memory_service.domain.filters import EVERYTHING
from memory_service.domain.memory import FACTS, MemoryType
from memory_service.domain.ranking import OF_FACTS, OF_TURNS, Ranked, in_order, rank, rank_arm
from memory_service.domain.search import Arm, Found, Selection

TURNS = (MemoryType.MESSAGE,)

FoundBySide = Sequence[Sequence[Found]]
"""What an arm found of each side, the best first."""


def sides_of(selection: Selection, *, votes: bool) -> list[Selection]:
    """Return what is asked for turns and for facts apart; facts `votes` for turns in any case."""
    turns = tuple(type_ for type_ in selection.types if type_ in TURNS)
    facts = tuple(type_ for type_ in selection.types if type_ not in TURNS)
    sides = [replace(selection, types=types) for types in (turns, facts) if types]
    if turns and not facts and votes:
        sides.append(replace(selection, types=FACTS, filter=EVERYTHING))
    return sides


def ranked_by_one(
    selection: Selection, sides: Sequence[Selection], arm: Arm, found: FoundBySide
) -> list[Ranked]:
    """Rank what is wanted as the only arm that could be asked does."""
    return in_order(
        [
            each
            for side, of in zip(sides, found, strict=True)
            if _wanted(side, selection)
            for each in rank_arm({arm: of})
        ]
    )


def ranked_by_all(
    selection: Selection,
    sides: Sequence[Selection],
    near: FoundBySide,
    having: FoundBySide,
    asked: Asked,
) -> list[Ranked]:
    """Rank turns and facts, `near` by meaning and `having` words, by what speaks for their kind."""
    arms = [
        {Arm.SEMANTIC: by_meaning, Arm.KEYWORD: by_words}
        for by_meaning, by_words in zip(near, having, strict=True)
    ]
    pools = [pool_of(of, asked.words) for of in arms]
    facts = None if sides[-1].types == TURNS else pools[-1]
    ranked: list[Ranked] = []
    for side, of, pool in zip(sides, arms, pools, strict=True):
        if side.types == TURNS:
            ranked += rank(pool, of, asked, OF_TURNS, facts)
        elif _wanted(side, selection):
            ranked += rank(pool, of, asked, OF_FACTS)
    return in_order(ranked)


def _wanted(side: Selection, selection: Selection) -> bool:
    """Whether it is shown, too: facts may be there to vote alone."""
    return set(side.types) <= set(selection.types)
