"""What one sentence says, as far as it takes to compare it with another."""

from __future__ import annotations

from dataclasses import dataclass

NOTHING: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Claim:
    """A fact of which only one is true at a time: its slot, and what it puts there.

    `slot` is "alice|home", or "" where two such facts may well be true. `holds` is False where the
    sentence says that `value` is so no more. Of a slot that is not `exclusive`, such as "alice|play
    tennis", two facts are at odds only if one of them does not hold. `replaced` is what the
    sentence says that it is not ("Emma, not Emily"). `excludes` is what cannot be so beside it, as
    meat of a vegetarian's diet. `shifts` says that the same value in other
    words is a change all the same ("postponed"), `happened` that it tells what happened, not what
    is, `stays` that it is true whatever is so later: who has a dog again has lost one all the same.
    """

    slot: str = ""
    value: frozenset[str] = NOTHING
    holds: bool = True
    exclusive: bool = True
    replaced: frozenset[str] = NOTHING
    excludes: frozenset[str] = NOTHING
    shifts: bool = False
    happened: bool = False
    stays: bool = False

    @property
    def corrects(self) -> bool:
        """Whether its words alone say that something before is to be given up."""
        return bool(self.replaced) or not self.holds or self.shifts


NO_CLAIM = Claim()


@dataclass(frozen=True, slots=True)
class Sentences:
    """Texts to be compared with each other, and the names of people whom any may be about."""

    texts: tuple[str, ...] = ()
    people: frozenset[str] = NOTHING


@dataclass(frozen=True, slots=True)
class Reading:
    """A sentence: whom it is about, its words by what they are, in base form and lower case.

    `words` are the ones that tell something, names and numbers among them. `stance` holds what
    makes something else of the same words: "not", "will", "want", "past".
    """

    subject: str = ""
    words: frozenset[str] = NOTHING
    names: frozenset[str] = NOTHING
    numbers: frozenset[str] = NOTHING
    stance: frozenset[str] = NOTHING
    claim: Claim = NO_CLAIM


NO_READING = Reading()
