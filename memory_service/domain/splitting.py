"""A memory that was said before and after another was true in its place: two memories. Pure."""

from __future__ import annotations

from dataclasses import fields

from memory_service.domain.changes import Cause, ChangeKind
from memory_service.domain.memory import Memory, NewMemory, Source
from memory_service.domain.planning import Planner
from memory_service.domain.slot_times import given_begin, since

_KEPT = frozenset(f.name for f in fields(NewMemory)) - {"id", "vector", "supersede_reason"}


def spans(whole: Memory, between: Memory) -> bool:
    """Whether a memory was said before `between` was so and again after, and of no known time."""
    said = since(whole)[0] == whole.last_said
    learned = given_begin(whole) is None
    return said and learned and whole.first_said < since(between)[0] < whole.last_said


def part(planner: Planner, whole: Memory, at: int) -> Memory:
    """Let a memory have begun when it was said first after `at`, and return another of before.

    Each has the sources of its time; one of which that is not known, both.
    """
    last_before = max((t for t in _times(whole) if t <= at), default=whole.first_said)
    first_after = min((t for t in _times(whole) if t > at), default=whole.last_said)
    values = {name: getattr(whole, name) for name in _KEPT}
    values |= {
        "sources": _sources(whole, before=at),
        "mentioned": whole.first_said,
        "valid_to": None,
    }
    first = planner.create(NewMemory(id="", **values))
    first = planner.change(
        ChangeKind.UPDATED,
        first,
        Cause.SUPERSEDE,
        supersedes=whole.supersedes,
        mentioned_again=last_before if last_before > whole.first_said else None,
    )
    for old in planner.taken_by(whole):
        planner.change(ChangeKind.UPDATED, old, Cause.SUPERSEDE, superseded_by=first.id)
    planner.change(
        ChangeKind.UPDATED,
        whole,
        Cause.SUPERSEDE,
        sources=_sources(whole, after=at),
        mentioned=first_after,
        mentioned_again=whole.last_said if first_after < whole.last_said else None,
        valid_from=None,
        supersedes=(),
    )
    return planner.now_as(first)


def _times(memory: Memory) -> list[int]:
    return [source.said for source in memory.sources if source.said is not None]


def _sources(
    memory: Memory, *, before: int | None = None, after: int | None = None
) -> tuple[Source, ...]:
    return tuple(
        s
        for s in memory.sources
        if s.said is None
        or ((before is None or s.said <= before) and (after is None or s.said > after))
    )
