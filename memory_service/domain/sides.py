"""What is asked of turns and of facts apart, and how it becomes one ranking. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from memory_service.domain.asking import Asked
from memory_service.domain.features import pool_of
from memory_service.domain.filters import EVERYTHING
from memory_service.domain.memory import FACTS, MemoryType
from memory_service.domain.ranking import OF_FACTS, OF_TURNS, Ranked, in_order, rank, rank_arm
from memory_service.domain.search import Arm, Found, Selection

TURNS = (MemoryType.MESSAGE,)

CANDIDATES = 50
"""How many memories an arm brings, at least: ranking is of the union of both."""

FEWER = 25
"""How many words bring beside meaning, and either of facts that only vote.

Reading the candidates is most of what a search adds to the embedding of its query. With 50 each the
nDCG@10 of turns on LoCoMo's development conversations is the same (63.5, each conversation ranked
by weights fitted on the others) and recall@10 0.3 lower; with 100 each both are 0.8 to 1.7 higher.
"""


@dataclass(frozen=True, slots=True)
class Side:
    """Turns, or facts: `near` of them are asked for by meaning, and `having` by words.

    Facts that are not `shown` vote for the turns that they were drawn from.
    """

    selection: Selection
    near: int
    having: int
    shown: bool = True


def sides_of(selection: Selection, limit: int, *, hybrid: bool) -> list[Side]:
    """Return the sides of a search for `limit` hits, turns before facts; `hybrid` uses both arms.

    Facts vote in a hybrid search for turns alone, too: any of them, whatever its filter is.
    """
    near, having = max(CANDIDATES, limit), max(FEWER if hybrid else CANDIDATES, limit)
    turns = tuple(type_ for type_ in selection.types if type_ in TURNS)
    facts = tuple(type_ for type_ in selection.types if type_ not in TURNS)
    sides = [
        Side(replace(selection, types=types), near, having) for types in (turns, facts) if types
    ]
    if turns and not facts and hybrid:
        voting = replace(selection, types=FACTS, filter=EVERYTHING)
        sides.append(Side(voting, FEWER, FEWER, shown=False))
    return sides


FoundBySide = Sequence[Sequence[Found]]
"""What an arm found of each side, the best first."""


def ranked_by_one(sides: Sequence[Side], arm: Arm, found: FoundBySide) -> list[Ranked]:
    """Rank what is shown as the only arm that could be asked does."""
    shown = [of for side, of in zip(sides, found, strict=True) if side.shown]
    return in_order([each for of in shown for each in rank_arm({arm: of})])


def ranked_by_all(
    sides: Sequence[Side], near: FoundBySide, having: FoundBySide, asked: Asked
) -> list[Ranked]:
    """Rank turns and facts, `near` by meaning and `having` words, by what speaks for their kind."""
    arms = [
        {Arm.SEMANTIC: by_meaning, Arm.KEYWORD: by_words}
        for by_meaning, by_words in zip(near, having, strict=True)
    ]
    pools = [pool_of(of, asked.words) for of in arms]
    facts = None if sides[-1].selection.types == TURNS else pools[-1]
    ranked: list[Ranked] = []
    for side, of, pool in zip(sides, arms, pools, strict=True):
        if side.selection.types == TURNS:
            ranked += rank(pool, of, asked, OF_TURNS, facts)
        elif side.shown:
            ranked += rank(pool, of, asked, OF_FACTS)
    return in_order(ranked)
