"""Decide what becomes of imported memories, their earlier states and deleted facts. Pure."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from memory_service.domain.changes import Change, ChangeKind, Earlier, OwnerState, Plan
from memory_service.domain.memory import Memory, fact_digest
from memory_service.domain.planning import Known
from memory_service.domain.transfer import Counts, DeletedFact, MemoryRecord, Verdict

STATES = 50
"""For how many earlier states revisions are left free while it is not known how many will come."""

Placed = tuple[int, Earlier]
"""An earlier state, and its place: the revision that replaced it."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What became of the memory that came last, for the earlier states that follow it.

    `revision` is that of the memory here; 0 if its states go nowhere.
    """

    memory_id: str
    verdict: Verdict
    revision: int


@dataclass(frozen=True, slots=True)
class Intake:
    """What to write, what became of the records, and what of the last memory among them."""

    plan: Plan
    states: tuple[tuple[str, Placed], ...]
    deleted_facts: tuple[str, ...]
    counts: Counts
    standing: Standing | None

    @property
    def empty(self) -> bool:
        """Whether there is nothing to write."""
        return not (self.plan.changes or self.states or self.deleted_facts)


def take_in(
    records: Sequence[MemoryRecord],
    known: Known,
    states: Mapping[str, Sequence[Placed]],
    *,
    standing: Standing | None,
    now: int,
    complete: bool,
) -> Intake:
    """Plan the import of `records`; `states` are the earlier states that are kept, by memory.

    `standing` is that of the memory before the records, whose earlier states may come first.
    `complete` says that no more earlier states of the last memory will follow.
    """
    intake = _Intake(known, states, standing, now)
    for record, following in _with_following(records, complete):
        intake.take(record, following)
    return intake.result(known.state)


def same(one: Memory, other: Memory) -> bool:
    """Tell whether two memories are the same but for revision and embedding."""
    return _content(one) == _content(other)


def _content(memory: Memory) -> Memory:
    # On the wire confidence has 32 bits.
    (confidence,) = struct.unpack("f", struct.pack("f", memory.confidence))
    return replace(
        memory,
        revision=0,
        embedded=False,
        confidence=confidence,
        mentioned=memory.first_said,
        mentioned_again=memory.last_said,
    )


def _state_content(earlier: Earlier) -> Earlier:
    return replace(earlier, memory=_content(earlier.memory))


def _with_following(
    records: Sequence[MemoryRecord], complete: bool
) -> Iterator[tuple[MemoryRecord, int]]:
    """Yield each record with how many earlier states follow it, or may follow."""
    for i, record in enumerate(records):
        following = 0
        if isinstance(record, Memory):
            while isinstance(_at(records, i + following + 1), Earlier):
                following += 1
            if not complete and i + following + 1 == len(records):
                following = max(following, STATES)
        yield record, following


def _at(records: Sequence[MemoryRecord], place: int) -> MemoryRecord | None:
    return records[place] if place < len(records) else None


class _Intake:
    def __init__(
        self,
        known: Known,
        states: Mapping[str, Sequence[Placed]],
        standing: Standing | None,
        now: int,
    ) -> None:
        self._now = now
        self._by_digest = dict(known.by_digest)
        self._by_id = dict(known.by_id)
        self._deleted = set(known.deleted)
        self._kept = {
            id_: {_state_content(earlier) for _, earlier in placed}
            for id_, placed in states.items()
        }
        self._last = {id_: placed[-1][0] for id_, placed in states.items() if placed}
        self._next: dict[str, int] = {}
        self._standing = standing
        self._state = known.state
        self._changes: list[Change] = []
        self._states: list[tuple[str, Placed]] = []
        self._facts: list[str] = []
        self._counts = Counts()

    def take(self, record: MemoryRecord, following: int) -> None:
        match record:
            case Memory():
                self._standing = self._memory(record, following)
                verdict = self._standing.verdict
            case Earlier():
                verdict = self._earlier(record)
            case DeletedFact(digest):
                verdict = self._deleted_fact(digest)
        self._counts = self._counts.plus(verdict)

    def result(self, base: OwnerState) -> Intake:
        if (self._states or self._facts) and self._state.revision == base.revision:
            # What is written without a memory moves the revision, too: others' plans may not hold.
            self._state = replace(self._state, revision=base.revision + 1)
        plan = Plan(tuple(self._changes), (), self._state)
        return Intake(plan, tuple(self._states), tuple(self._facts), self._counts, self._standing)

    def _memory(self, memory: Memory, following: int) -> Standing:
        existing = self._by_id.get(memory.id)
        if existing is not None:
            verdict = Verdict.DUPLICATE if same(existing, memory) else Verdict.CONFLICT
            return Standing(memory.id, verdict, existing.revision)
        digest = fact_digest(memory)
        if memory.current and digest in self._by_digest:
            return Standing(memory.id, Verdict.DUPLICATE, 0)
        revision = self._state.revision + following + 1
        stored = replace(memory, revision=revision)
        # A time that is still to come would make all that is created until then bear that time.
        created = max(self._state.last_created, min(memory.created, self._now))
        self._state = OwnerState(revision, created)
        self._changes.append(Change(ChangeKind.CREATED, stored))
        self._by_id[memory.id] = stored
        self._next[memory.id] = max(revision - following, self._last.get(memory.id, 0))
        if memory.current:
            self._by_digest[digest] = stored
            self._deleted.discard(digest)
        return Standing(memory.id, Verdict.IMPORTED, revision)

    def _earlier(self, earlier: Earlier) -> Verdict:
        standing = self._standing
        assert standing is not None, "the translator refuses states without a memory"
        if standing.verdict is Verdict.CONFLICT:
            return Verdict.CONFLICT
        if not standing.revision:
            return Verdict.DUPLICATE
        id_ = standing.memory_id
        memory = self._by_id.get(id_)
        if memory is None or memory.revision != standing.revision:
            return Verdict.CONFLICT
        kept = self._kept.setdefault(id_, set())
        content = _state_content(earlier)
        if content in kept:
            return Verdict.DUPLICATE
        began = self._next.get(id_) or max(self._last.get(id_, 1), standing.revision - STATES)
        if began >= standing.revision:
            return Verdict.CONFLICT
        kept.add(content)
        self._next[id_] = began + 1
        placed = replace(earlier, memory=replace(earlier.memory, revision=began))
        self._states.append((id_, (began + 1, placed)))
        return Verdict.IMPORTED

    def _deleted_fact(self, digest: str) -> Verdict:
        if digest in self._deleted:
            return Verdict.DUPLICATE
        if digest in self._by_digest:
            return Verdict.CONFLICT
        self._deleted.add(digest)
        self._facts.append(digest)
        return Verdict.IMPORTED
