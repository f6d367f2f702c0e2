"""Clauses of a query, put together so that the engine gives every document that they mean.

Below the outermost intersection the engine's negations are not to be trusted, in 2.10.5. Asked to
skip to a document that is negated, an intersection answers with document 0, so that a union around
it loses what it would have found next: `@k:{o} (@t:{v9}|(@k:{o} -@t:{v1}))`, where v1 is in the
first document of k:o. A union of more than 20 that has a negation in a branch takes that branch for
found wherever it is asked. So there are no such intersections and no such unions: what has to hold
together is said as the negation of a union, a negation of a negation cancels out, what is negated
in a union stands in one negation beside one union of the rest, and no union of clauses is wide.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

WIDEST = 16
"""Branches of a union, below the engine's UNION_ITERATOR_HEAP of 20."""


@dataclass(frozen=True, slots=True)
class Clause:
    """A clause, or what is left without it."""

    text: str
    negated: bool = False

    @property
    def inverse(self) -> Clause:
        """What is left without this."""
        return Clause(self.text, not self.negated)

    def __str__(self) -> str:
        return f"-({self.text})" if self.negated else self.text


def any_of(clauses: Sequence[Clause]) -> Clause:
    """Return a clause that holds where one of `clauses` does, and adds nothing to a score."""
    if len(clauses) == 1:
        return clauses[0]
    without = [clause.inverse for clause in clauses if clause.negated]
    if len(without) == len(clauses):
        return intersection(without).inverse
    union = _union([str(clause) for clause in clauses if not clause.negated])
    return Clause(_union([union, f"({intersection(without).inverse})"]) if without else union)


def all_of(clauses: Sequence[Clause]) -> Clause:
    """Return a clause that holds where all of `clauses` do."""
    return any_of([clause.inverse for clause in clauses]).inverse


def intersection(clauses: Sequence[Clause]) -> Clause:
    """As `all_of`, for clauses none of which is negated."""
    assert clauses, "the translator refuses empty lists"
    assert not any(clause.negated for clause in clauses), "this is what loses documents"
    return Clause(f"({' '.join(map(str, clauses))})") if len(clauses) > 1 else clauses[0]


def _union(branches: Sequence[str]) -> str:
    """Return a union of unions, if need be, of no more than WIDEST each."""
    while len(branches) > WIDEST:
        starts = range(0, len(branches), WIDEST)
        branches = [_union(branches[start : start + WIDEST]) for start in starts]
    return f"({'|'.join(branches)})=>{{$weight:0}}" if len(branches) > 1 else branches[0]
