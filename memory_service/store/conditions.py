"""Conditions as clauses of a query: see query.py for the rules that they all keep to."""

from __future__ import annotations

from collections.abc import Sequence

from memory_service.domain.filters import (
    AllOf,
    AnyOf,
    Condition,
    Filter,
    Has,
    Marked,
    MetadataAnyOf,
    MetadataHas,
    MetadataIs,
    MetadataRange,
    NumberRange,
    Pinned,
    Prefix,
    TagField,
    TimeField,
    TimeRange,
    Untrusted,
)
from memory_service.store import metadata_tags, prefixes
from memory_service.store.clauses import Clause, all_of, any_of, intersection
from memory_service.store.tags import NEVER, YES, encode_tag

MAX_DEPTH = 16
"""Deeper filters are refused: the engine's parser overflows somewhere between 200 and 500."""

MAX_VALUES = 32_768
"""Parameters in a query at most: 64 ranges of metadata with 500 tags each, the widest, and some."""

EVERYTHING = Clause("@created:[-inf +inf]")

Value = str | bytes


class Compiler:
    """Writes clauses, and collects the values that they name as `params`."""

    def __init__(self) -> None:
        self.params: list[Value] = []

    def filter(self, filter_: Filter, depth: int = 0) -> list[Clause]:
        """Return clauses that all hold where the filter does."""
        assert depth <= MAX_DEPTH, "the translator limits the depth"
        return [
            *(clause for inner in filter_.must for clause in self._all(inner, depth)),
            *self._should(filter_.should, depth),
            *(self._condition(inner, depth).inverse for inner in filter_.must_not),
        ]

    def tag(self, field: str, values: Sequence[str]) -> Clause:
        """Return a clause for a field that has one of `values`, which adds nothing to a score."""
        assert values, "the translator refuses empty lists"
        names = [self._param(value) for value in (values if len(values) > 1 else (*values, NEVER))]
        return Clause(f"(@{field}:{{{'|'.join(names)}}})=>{{$weight:0}}")

    def numbers(
        self,
        field: str,
        low: float | None,
        high: float | None,
        *,
        above: bool = False,
        below: bool = False,
    ) -> Clause:
        """Return a clause for low <= field <= high; None is open.

        `above` and `below` leave out the bounds themselves.
        """
        least = "-inf" if low is None else self._param(repr(low))
        most = "+inf" if high is None else self._param(repr(high))
        return Clause(f"@{field}:[{'(' if above else ''}{least} {'(' if below else ''}{most}]")

    def _all(self, condition: Condition, depth: int) -> list[Clause]:
        """Return clauses that all hold where the condition does: a filter needs no group."""
        if isinstance(condition, Filter):
            return self.filter(condition, depth + 1)
        return [self._condition(condition, depth)]

    def _should(self, conditions: Sequence[Condition], depth: int) -> list[Clause]:
        clauses = [self._condition(condition, depth) for condition in conditions]
        return [any_of(clauses)] if clauses else []

    def _condition(self, condition: Condition, depth: int) -> Clause:
        match condition:
            case Filter():
                return all_of(self.filter(condition, depth + 1) or [EVERYTHING])
            case MetadataHas() | MetadataAnyOf() | MetadataIs() | MetadataRange():
                return self.tag(metadata_tags.FIELD, metadata_tags.wanted(condition))
            case TimeRange(field, start, end):
                return self.numbers(field.value, start, end, below=end is not None)
            case NumberRange(field, low, high):
                return self.numbers(field.value, low, high)
            case Pinned() | Untrusted():
                return self._marked(condition)
            case _:
                return self._field(condition)

    def _marked(self, condition: Marked) -> Clause:
        field = "pinned" if isinstance(condition, Pinned) else "untrusted"
        marked = self.tag(field, [YES])
        return marked if condition.value else marked.inverse

    def _field(self, condition: AnyOf | AllOf | Prefix | Has) -> Clause:
        match condition:
            case AnyOf(field, values):
                return self.tag(field.value, [encode_tag(value) for value in values])
            case AllOf(field, values):
                each = [self.tag(field.value, [encode_tag(value)]) for value in values]
                return intersection(each)
            case Prefix(field, value):
                return self._prefix(field, value)
            case Has(field):
                return self._has(field)

    def _has(self, field: TagField | TimeField) -> Clause:
        if isinstance(field, TimeField):
            return self.numbers(field.value, None, None)
        return self.tag(prefixes.FIELD, [prefixes.presence(field)])

    def _prefix(self, field: TagField, value: str) -> Clause:
        one = [self.tag(prefixes.FIELD, [tag]) for tag in prefixes.by_place(field, value)]
        return any_of([intersection(one), self.tag(prefixes.FIELD, [prefixes.whole(field, value)])])

    def _param(self, value: Value) -> str:
        assert len(self.params) < MAX_VALUES, "the translator limits the values"
        self.params.append(value)
        return f"$p{len(self.params) - 1}"
