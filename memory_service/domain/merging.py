"""One fact that was said several times, and facts that contradict each other. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from memory_service.domain.changes import Cause, ChangeKind
from memory_service.domain.memory import Memory, NewMemory
from memory_service.domain.planning import MAX_SOURCES, Planner

MAX_TAGS = 32
"""How many topics, entities and contradicting memories a memory has at most."""


def merge(planner: Planner, known: Memory, new: NewMemory) -> Memory:
    """Let a known memory gain the sources of one that says the same, and its slot if it has none.

    From sources that are known nothing is learned.
    """
    learned = _fresh(known, new) and len(known.sources) < MAX_SOURCES
    if not learned and (known.slot or not new.slot):
        return known
    return planner.change(
        ChangeKind.UPDATED, known, Cause.MERGE, **_said_again(planner, known, new)
    )


def enrich(planner: Planner, known: Memory, new: NewMemory) -> Memory:
    """As `merge`, of one that says more: the known one takes its text, and what comes with it.

    What a caller wrote stays as it was written.
    """
    if not known.extractor:
        return merge(planner, known, new)
    return planner.change(
        ChangeKind.UPDATED,
        known,
        Cause.MERGE,
        new.vector,
        **_said_again(planner, known, new),
        text=new.text,
        type=new.type,
        embedded=new.vector is not None,
        extractor=new.extractor,
        confidence=max(known.confidence, new.confidence),
        topics=_union(known.topics, new.topics),
        entities=_union(known.entities, new.entities),
        event_time=new.event_time or known.event_time,
    )


def link(planner: Planner, one: Memory, others: Sequence[Memory]) -> Memory:
    """Note that a memory says otherwise than others, with each of them."""
    for other in others:
        _contradict(planner, other, (one.id,))
    return _contradict(planner, one, tuple(other.id for other in others))


def _contradict(planner: Planner, memory: Memory, ids: tuple[str, ...]) -> Memory:
    links = _union(memory.contradicts, ids)
    if links == memory.contradicts:
        return memory
    return planner.change(ChangeKind.UPDATED, memory, Cause.MERGE, contradicts=links)


def _said_again(planner: Planner, known: Memory, new: NewMemory) -> dict[str, Any]:
    said = planner.now if new.mentioned is None else new.mentioned
    first, last = min(known.first_said, said), max(known.last_said, said)
    return {
        "sources": (*known.sources, *_fresh(known, new))[:MAX_SOURCES],
        "mentioned": None if first == known.created else first,
        "mentioned_again": None if last == first else last,
        "slot": known.slot or new.slot,
    }


def _fresh(known: Memory, new: NewMemory) -> list[Any]:
    return [source for source in new.sources if source not in known.sources]


def _union(known: tuple[Any, ...], new: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(dict.fromkeys((*known, *new)))[:MAX_TAGS]
