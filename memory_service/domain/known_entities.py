"""Whom and what an owner's memories name in somebody's life: "Alice's sister Emma". Pure.

Read from the sentence, whoever wrote it, so that it holds for as long as the memory is current,
says so and may be trusted, and goes with it through updates, exports and erasure.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from memory_service.domain.changes import Change, ChangeKind
from memory_service.domain.memory import FACTS, Memory

MOST_KNOWN = 32
"""How many go with a delta: what the extractor takes."""

PAGE = 64
"""After so many messages of a session those who are known are looked up again."""

UNNAMED = "the user"
"""Whom memories of a speaker without a name are about."""

PERSON, PET, ORG = "person", "pet", "org"
_LIVING = (PERSON, PET)
_LONGEST_TEXT = 400
_LONGEST_NAME = 64
_MOST_OF_ONE = 4
_EMPLOYER = "|employer"
_NAME = "name"
_RELATION = r"(?P<relation>(?:[a-z]+(?:-[a-z]+)? ){0,2}?[a-z]+)"
_TAKES = r"(?:has|had|adopted|got|bought|owns) (?:a|an) (?:[a-z]+ ){0,2}?(?P<relation>[a-z]+)"
_DENIED = re.compile(
    r"\b(?:not|no longer|never|any ?more|used to|quit|left|stopped|former)\b|n't\b", re.IGNORECASE
)


@dataclass(frozen=True, slots=True, order=True)
class KnownEntity:
    """Emma, a person, who is the sister of Alice."""

    name: str
    kind: str
    relation: str
    of: str


@dataclass(frozen=True, slots=True)
class Acquaintance:
    """Those known to the owner when page `page` of a session was begun."""

    page: int
    entities: tuple[KnownEntity, ...] = ()


def page_of(sequence: int) -> int:
    """Return which page of its session a message is on, from 0 on."""
    return (sequence - 1) // PAGE


def last_of_page(sequence: int) -> int:
    """Return the last sequence of a message's page: no delta goes beyond it."""
    return (page_of(sequence) + 1) * PAGE


def named_in(memory: Memory) -> frozenset[KnownEntity]:
    """Return those whom a memory names, a few at most; nobody if it is not to be trusted."""
    about_facts = memory.current and not memory.untrusted and memory.type in FACTS
    if not about_facts or len(memory.text) > _LONGEST_TEXT:
        return frozenset()
    names = [e for e in memory.entities if _is_name(e.name) and e.name in memory.text]
    people = [e.name for e in names if e.kind == PERSON]
    living = ((e.name, e.kind) for e in names if e.kind in _LIVING)
    found = [
        *(_user(name) for name in people if _is_the_users(name, memory)),
        *(each for name, kind in living for each in _related(memory.text, name, kind, people)),
        *_employers(memory, [e.name for e in names if e.kind == ORG], people),
    ]
    return frozenset(sorted(found)[:_MOST_OF_ONE])


def gained(changes: Iterable[Change]) -> dict[KnownEntity, int]:
    """Return how many more memories, or fewer, name whom after these changes."""
    counts: Counter[KnownEntity] = Counter()
    for change in changes:
        if change.earlier is not None:
            counts.subtract(named_in(change.earlier.memory))
        if change.kind is not ChangeKind.DELETED:
            counts.update(named_in(change.memory))
    return {entity: count for entity, count in counts.items() if count}


def foremost(counts: Mapping[KnownEntity, int]) -> tuple[KnownEntity, ...]:
    """Return who the user is, and whom most memories name: MOST_KNOWN, always in the same order."""
    ordered = sorted(counts, key=lambda entity: (entity.relation != _NAME, -counts[entity], entity))
    return tuple(ordered[:MOST_KNOWN])


def _related(text: str, name: str, kind: str, people: Sequence[str]) -> Iterator[KnownEntity]:
    """ "Alice's sister Emma", "Alice's husband is called Tom", "Alice adopted a dog called Rex"."""
    owners = _any_of(owner for owner in (*people, UNNAMED) if owner != name)
    called = rf"(?: (?:is|was) (?:called|named)| named| called)? {re.escape(name)}\b(?!'s name)"
    whose = rf"\b(?P<of>{owners})"
    for pattern in (rf"{whose}'s? {_RELATION}{called}", rf"{whose} {_TAKES}{called}"):
        for match in re.finditer(pattern, text):
            if not match["relation"].startswith(_NAME):
                yield KnownEntity(name, kind, match["relation"], _owner(match["of"]))


def _user(name: str) -> KnownEntity:
    return KnownEntity(name, PERSON, _NAME, UNNAMED)


def _is_the_users(name: str, memory: Memory) -> bool:
    """ "The user's name is Alice", or what is told of Alice and has a slot of "the user"."""
    if memory.slot.startswith(f"{UNNAMED}|") and memory.text.startswith(f"{name} "):
        return True
    given = rf"The user's name is (?:spelt |spelled )?{re.escape(name)}\b"
    return re.match(given, memory.text) is not None


def _employers(memory: Memory, orgs: Sequence[str], people: Sequence[str]) -> Iterator[KnownEntity]:
    """The company of whoever works there, by the slot of the memory."""
    if not memory.slot.endswith(_EMPLOYER) or _DENIED.search(memory.text):
        return
    whose = memory.slot.removesuffix(_EMPLOYER)
    for of in (*people, UNNAMED):
        if of.casefold() == whose and len(orgs) == 1:
            yield KnownEntity(orgs[0], ORG, "company", of)


def _is_name(name: str) -> bool:
    return name.isprintable() and 0 < len(name.strip()) <= _LONGEST_NAME


def _any_of(names: Iterable[str]) -> str:
    return "|".join("[Tt]he user" if name == UNNAMED else re.escape(name) for name in names)


def _owner(written: str) -> str:
    return UNNAMED if written.casefold() == UNNAMED else written
