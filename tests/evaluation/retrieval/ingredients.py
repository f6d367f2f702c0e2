"""What a search of turns is made of, and how it goes without each of it. Pure."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from memory_service.domain.asking import Asked, understand
from memory_service.domain.boosts import Boosts, boosted
from memory_service.domain.collapsing import collapsed
from memory_service.domain.features import pool_of
from memory_service.domain.periods import periods_in
from memory_service.domain.ranking import OF_TURNS, Ranked, rank
from memory_service.domain.search import Arm, Arms, Found
from memory_service.domain.sides import Side
from memory_service.domain.signals import Signals

BOOSTS = Boosts(recency=0.2, importance=0.2)


@dataclass(frozen=True, slots=True)
class Case:
    """A question as a search had it: what it was read as, asked the engine, and found.

    `sides` and `found` are of turns and then of facts, if those are asked for.
    """

    text: str
    names: frozenset[str]
    now: int
    asked: Asked
    vector: bytes | None
    sides: tuple[Side, ...]
    found: tuple[Arms, ...]

    def understood(self) -> Asked:
        """Read the question, as a search does."""
        return understand(self.text, self.names, self.now)

    def ranked(self) -> list[Ranked]:
        """Rank the turns, as a search does."""
        turns, *facts = (pool_of(arms, self.asked.words) for arms in self.found)
        return rank(turns, self.found[0], self.asked, OF_TURNS, *facts)


def _always(_: Case) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Ingredient:
    """Something that a search can do without: `without` gives a case that has none of it.

    `bears` tells whether a question has anything of it; `engine`, whether the engine is asked
    otherwise then; `reads` is what it does to the question beside what can be left out.
    """

    name: str
    without: Callable[[Case], Case]
    bears: Callable[[Case], bool] = _always
    engine: bool = False
    reads: Callable[[Case], object] = _always


def _of_arm(arm: Arm) -> Callable[[Case], tuple[Arms, ...]]:
    return lambda case: tuple({arm: found.get(arm, ())} for found in case.found)


def _no_meaning(case: Case) -> Case:
    return replace(case, vector=None, found=_of_arm(Arm.KEYWORD)(case))


def _no_words(case: Case) -> Case:
    found = _of_arm(Arm.SEMANTIC)(case)
    return replace(case, asked=replace(case.asked, words=()), found=found)


def _no_facts(case: Case) -> Case:
    return replace(case, sides=case.sides[:1], found=case.found[:1])


def _no_names(case: Case) -> Case:
    # The words stay those without the names, so that no more is ranked.
    return replace(case, names=frozenset(), asked=replace(case.asked, names=frozenset()))


def _seen_as(**fields: object) -> Callable[[Case], Case]:
    """Without something that is seen in a memory: these fields of its signals are empty."""

    def seen(signals: Signals) -> Signals:
        return signals._replace(**fields)

    def arm(found: Sequence[Found]) -> Sequence[Found]:
        return [each._replace(signals=seen(each.signals)) for each in found]

    def arms(found: Arms) -> Mapping[Arm, Sequence[Found]]:
        return {name: arm(of_it) for name, of_it in found.items()}

    return lambda case: replace(case, found=tuple(map(arms, case.found)))


INGREDIENTS = (
    Ingredient("meaning", _no_meaning, engine=True),
    Ingredient("words", _no_words, bears=lambda case: bool(case.asked.words), engine=True),
    Ingredient("named", _no_names, bears=lambda case: bool(case.names), engine=True),
    Ingredient("length", _seen_as(length=0)),
    Ingredient("answers", _seen_as(answers=False)),
    Ingredient(
        "timed",
        lambda case: replace(case, asked=replace(case.asked, wants_time=False)),
        bears=lambda case: case.asked.wants_time,
    ),
    Ingredient(
        "dated",
        lambda case: replace(case, asked=replace(case.asked, periods=())),
        bears=lambda case: bool(case.asked.periods),
        reads=lambda case: periods_in(case.text, case.now),
    ),
    Ingredient("neighbor", _seen_as(place=None)),
    Ingredient("vote", _no_facts, engine=True),
)

LIMIT = 10
"""How many hits are asked for: the default."""

ON_DEMAND: Mapping[str, Callable[[Sequence[Ranked], int], object]] = {
    "near-duplicates left out": lambda ranked, _: list(itertools.islice(collapsed(ranked), LIMIT)),
    "boosts": lambda ranked, now: boosted(ranked, BOOSTS, now),
}
"""What a caller may ask for beside, of all that was ranked; `now` in microseconds."""
