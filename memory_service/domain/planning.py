"""A plan in the making: what changes of an owner's memories, and what they are then. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from memory_service.domain.changes import (
    Cause,
    Change,
    ChangeKind,
    Decision,
    Earlier,
    OwnerState,
    Plan,
)
from memory_service.domain.memory import Memory, NewMemory, fact_digest, stable_id
from memory_service.domain.owner import Owner

MAX_SOURCES = 32
"""A fact that is said again and again keeps its first sources."""


@dataclass(frozen=True, slots=True)
class Known:
    """What an owner knows of the things that new memories might meet.

    `by_digest` has the current memories that say one of them. `by_id` has those that bear an id of
    one, or are to be superseded by one, or are near one or of its slot. `deleted` are digests of
    facts that a caller has deleted.
    """

    state: OwnerState
    by_digest: Mapping[str, Memory]
    by_id: Mapping[str, Memory]
    deleted: frozenset[str] = frozenset()


class Planner:
    """Collects changes; each takes the owner's next revision and builds on those before."""

    def __init__(self, owner: Owner, known: Known, now: int) -> None:
        self.owner = owner
        self.now = now
        self._state = known.state
        self._by_digest = dict(known.by_digest)
        self._by_id = dict(known.by_id)
        self._deleted = known.deleted
        self._changes: dict[str, Change] = {}

    @property
    def next_created(self) -> int:
        """The create time of the next new memory."""
        return max(self.now, self._state.last_created + 1)

    def find(self, memory_id: str) -> Memory | None:
        """Return the memory of this id as it is by now, if anything is known of it."""
        return self._by_id.get(memory_id)

    def same(self, new: NewMemory) -> Memory | None:
        """Return the current memory that says the same in the same words."""
        return self._by_digest.get(fact_digest(new))

    def was_deleted(self, new: NewMemory) -> bool:
        """Whether a caller has deleted this fact, in the same words."""
        return fact_digest(new) in self._deleted

    def of_slot(self, slot: str) -> list[Memory]:
        """Return the current memories of a slot that may be trusted."""
        known = self._by_id.values()
        return [m for m in known if slot and m.slot == slot and m.current and not m.untrusted]

    def history(self, slot: str) -> list[Memory]:
        """Return the memories of a slot whose place others took, and that may be trusted."""
        known = self._by_id.values()
        return [m for m in known if slot and m.slot == slot and not m.current and not m.untrusted]

    def taken_by(self, memory: Memory) -> list[Memory]:
        """Return the memories whose place another took."""
        return [m for m in self._by_id.values() if m.superseded_by == memory.id]

    def now_as(self, memory: Memory) -> Memory:
        """Return a memory as it is by now."""
        return self._by_id.get(memory.id, memory)

    def with_vectors(self) -> Iterator[tuple[Memory, bytes]]:
        """Yield the memories that have got a vector by this plan."""
        for change in self._changes.values():
            if change.vector is not None:
                yield change.memory, change.vector

    def create(self, new: NewMemory) -> Memory:
        """Store a new memory, with a create time of its own."""
        created = self.next_created
        revision = self._state.revision + 1
        memory = _stored(self.owner, new, created=created, revision=revision)
        self._state = OwnerState(revision, created)
        self._note(Change(ChangeKind.CREATED, memory, new.vector))
        return memory

    def change(
        self,
        kind: ChangeKind,
        memory: Memory,
        cause: Cause,
        vector: bytes | None = None,
        **values: Any,
    ) -> Memory:
        """Give a memory these values; with another text, this vector or none."""
        revision = self._state.revision + 1
        self._state = replace(self._state, revision=revision)
        updated = max(self.now, memory.updated)
        after = replace(memory, **values, updated=updated, revision=revision)
        self._note(Change(kind, after, vector, Earlier(memory, updated, cause)))
        return after

    def plan(self, decisions: Sequence[Decision]) -> Plan:
        """Return the plan, with each decision's memory as the whole of it leaves it."""
        latest = tuple(self._latest(decision) for decision in decisions)
        return Plan(tuple(self._changes.values()), latest, self._state)

    def _latest(self, decision: Decision) -> Decision:
        if decision.memory is None:
            return decision
        return replace(decision, memory=self._by_id.get(decision.memory.id, decision.memory))

    def _note(self, change: Change) -> None:
        memory = change.memory
        self._by_id[memory.id] = memory
        said = fact_digest(change.earlier.memory) if change.earlier else ""
        if said in self._by_digest and self._by_digest[said].id == memory.id:
            del self._by_digest[said]
        if memory.current:
            self._by_digest.setdefault(fact_digest(memory), memory)
        # Of several changes in one plan, only the state before the first was ever stored.
        first = self._changes.pop(memory.id, None)
        self._changes[memory.id] = _joined(first, change) if first else change


def _joined(first: Change, second: Change) -> Change:
    """Return two changes of a memory as one."""
    kind = first.kind if first.kind is ChangeKind.CREATED else second.kind
    vector = second.vector if second.new_text else first.vector
    return replace(first, kind=kind, memory=second.memory, vector=vector)


def _stored(owner: Owner, new: NewMemory, *, created: int, revision: int) -> Memory:
    return Memory(
        owner=owner,
        id=new.id or stable_id((*_identity(owner), str(revision), new.text)),
        text=new.text,
        type=new.type,
        topics=new.topics,
        entities=new.entities,
        event_time=new.event_time,
        sources=new.sources,
        confidence=new.confidence,
        extractor=new.extractor,
        embedded=new.vector is not None,
        created=created,
        updated=created,
        revision=revision,
        metadata=new.metadata,
        pinned=new.pinned,
        valid_from=new.valid_from,
        valid_to=new.valid_to,
        slot=new.slot,
        mentioned=new.mentioned,
        untrusted=new.untrusted,
        turn=new.turn,
    )


def _identity(owner: Owner) -> tuple[str, str, str, str]:
    return (owner.tenant, owner.namespace, owner.kind.value, owner.id)
