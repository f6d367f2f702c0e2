"""A selection of memories as a query of the engine, dialect 2.

Every value travels as a parameter and never becomes part of the query's syntax. The clause that
keeps an owner's memories to themselves is added in `compile_selection`, the only way to a `Query`.

A filter must not change the order of text hits. The engine scores tags like words unless they
are in a union of weight 0, and it ignores the weight where there is a single value: so a value that
no memory has stands beside it. Unions in unions have the weight too, for the outer may see through
the inner; intersections have none, because a weight of 0 would reach the words beside them.

A filter must lose no memory either: see clauses.py. And the owner's clause is to be the one that
the engine goes along, which is the one that it estimates to be smallest: along a negation, which
it takes to have as many documents as the whole index, it goes astray. So no value of a clause is
named twice, which would double the estimate. All of it seen on 2.10.5 and held by tests.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from memory_service.domain.search import Selection, View
from memory_service.store.clauses import Clause, all_of, intersection
from memory_service.store.conditions import Compiler, Value
from memory_service.store.keys import owner_tag
from memory_service.store.tags import ENDED, YES

SEARCHES = 64
"""How many selections are remembered: those of the searches that are under way at a time."""

DISTANCE = "distance"
"""What a KNN query calls the cosine distance."""


@dataclass(frozen=True, slots=True)
class Query:
    """The query string, and its parameters `p0`, `p1`, …"""

    text: str
    params: tuple[Value, ...]

    def arguments(self) -> list[Value]:
        """Return the arguments of FT.SEARCH that say what to look for."""
        named = [part for i, value in enumerate(self.params) for part in (f"p{i}", value)]
        return [self.text, "PARAMS", str(len(named)), *named, "DIALECT", "2"]


@lru_cache(maxsize=SEARCHES)
def compile_selection(selection: Selection) -> Query:
    """Return the query for all memories of the selection. Raises ValueError without an owner.

    A search compiles a selection for its words, and again for its vector, which all wait for.
    """
    if not selection.owners:
        raise ValueError("a selection needs an owner")
    if not selection.types:
        raise ValueError("a selection needs a type")
    compiler = Compiler()
    clauses = [
        compiler.tag("owner", [owner_tag(owner) for owner in selection.owners]),
        compiler.tag("type", [type_.value for type_ in selection.types]),
        *_view(compiler, selection.view),
        *compiler.filter(selection.filter),
    ]
    return Query(" ".join(map(str, clauses)), tuple(compiler.params))


def _view(compiler: Compiler, view: View) -> list[Clause]:
    """Return clauses that all hold where a memory is in the view; see `matching.in_view`."""
    clauses = []
    if view.known is not None:
        clauses.append(compiler.numbers("created", None, view.known))
    if view.true is not None:
        after = compiler.numbers("valid_from", view.true, None, above=True)
        clauses += [after.inverse, _not_over(compiler, view.true, view.known)]
    if view.current is not None:
        replaced = (
            compiler.tag("superseded", [YES])
            if view.known is None
            else compiler.numbers("superseded_at", None, view.known)
        )
        clauses += [replaced.inverse, _not_over(compiler, view.current, view.known)]
    return clauses


def _not_over(compiler: Compiler, time: int, known: int | None) -> Clause:
    over = [compiler.numbers("valid_to", None, time)]
    if known is not None:
        learned = compiler.numbers("superseded_at", known, None, above=True)
        over.append(intersection([compiler.tag("superseded", [ENDED]), learned]).inverse)
    return all_of(over).inverse


def bounded(query: Query, field: str, value: float, *, up: bool) -> Query:
    """Narrow `query` to memories whose number `field` is `value`, or more (`up`), or less."""
    name = f"$p{len(query.params)}"
    clause = f"@{field}:[{name} +inf]" if up else f"@{field}:[-inf {name}]"
    return Query(f"{query.text} {clause}", (*query.params, f"{value:.0f}"))


def having(query: Query, field: str, has: bool) -> Query:
    """Narrow `query` to memories that have a number `field`, or that have none."""
    return replace(query, text=f"{query.text} {'' if has else '-'}@{field}:[-inf +inf]")


def with_words(query: Query, words: Sequence[str]) -> Query:
    """Narrow `query` to memories with at least one of `words`, ranked by BM25.

    The union selects and the optional words beside it score. A union that scores counts only one
    of its words in a memory that it reached by skipping, as it does beside a filter: with 50,000
    memories of 251 owners that left 83% of the true ten best among an owner's ten best.
    """
    if not words:
        raise ValueError("a keyword query needs a word")
    first = len(query.params)
    names = [f"$p{first + i}" for i in range(len(words))]
    one_of = f"(@terms:({'|'.join((*names, *names))}))=>{{$weight:0}}"
    scored = " ".join(f"~@terms:({name})" for name in names)
    return Query(f"{query.text} {one_of} {scored}", (*query.params, *words))


def nearest(query: Query, vector: bytes, k: int) -> Query:
    """Narrow `query` to the `k` memories nearest to `vector`."""
    n = len(query.params)
    text = f"({query.text})=>[KNN $p{n} @vector $p{n + 1} AS {DISTANCE}]"
    return replace(query, text=text, params=(*query.params, str(k), vector))
