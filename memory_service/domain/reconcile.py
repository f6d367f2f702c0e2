"""Decide what becomes of new memories, given what their owner knows already. Pure."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from memory_service.domain.memory import Memory, NewMemory, fact_digest, stable_id
from memory_service.domain.owner import Owner

MAX_SOURCES = 32
"""A fact that is said again and again keeps its first sources."""


class Outcome(enum.Enum):
    """What became of a new memory; the value is stored with answers and never changes."""

    CREATED = "created"
    DUPLICATE = "duplicate"
    ID_REUSED = "id_reused"


class ChangeKind(enum.Enum):
    """What happened to a memory; the value is part of the change feed."""

    CREATED = "created"
    UPDATED = "updated"
    DELETED = "deleted"


class Cause(enum.Enum):
    """Why a memory's state was replaced; the value is stored with it and never changes."""

    UPDATE = "update"
    DELETE = "delete"
    MERGE = "merge"
    RESTORE = "restore"


@dataclass(frozen=True, slots=True)
class Earlier:
    """A state that a memory was in until `replaced`, in microseconds since the epoch."""

    memory: Memory
    replaced: int
    cause: Cause


@dataclass(frozen=True, slots=True)
class OwnerState:
    """What an owner's next change is measured against."""

    revision: int
    last_created: int


@dataclass(frozen=True, slots=True)
class Known:
    """What an owner knows of the things that new memories might meet.

    `by_digest` has the memories that say one of them, `by_id` those that bear an id of one.
    """

    state: OwnerState
    by_digest: Mapping[str, Memory]
    by_id: Mapping[str, Memory]


@dataclass(frozen=True, slots=True)
class Change:
    """One change of one memory, which ends its `earlier` state, if it had one.

    `vector` comes with it if there is a new one.
    """

    kind: ChangeKind
    memory: Memory
    vector: bytes | None = None
    earlier: Earlier | None = None

    @property
    def new_text(self) -> bool:
        """Whether a vector from before is of another text."""
        return self.earlier is not None and self.earlier.memory.text != self.memory.text


@dataclass(frozen=True, slots=True)
class Decision:
    """What became of one new memory, and the memory that stands for it now, if one does."""

    outcome: Outcome
    memory: Memory | None


@dataclass(frozen=True, slots=True)
class Plan:
    """What to write, in order, and what to answer: a decision for each new memory."""

    changes: tuple[Change, ...]
    decisions: tuple[Decision, ...]
    state: OwnerState


def reconcile(owner: Owner, new: Sequence[NewMemory], known: Known, now: int) -> Plan:
    """Plan how `new` are taken in: what is known already only gains sources.

    Each change takes the owner's next revision, each new memory a create time of its own.
    """
    planner = _Planner(owner, known, now)
    decisions = tuple(planner.take(memory) for memory in new)
    return Plan(tuple(planner.changes.values()), decisions, planner.state)


class _Planner:
    def __init__(self, owner: Owner, known: Known, now: int) -> None:
        self._owner = owner
        self._now = now
        self._by_digest = dict(known.by_digest)
        self._by_id = dict(known.by_id)
        self.state = known.state
        self.changes: dict[str, Change] = {}

    def take(self, new: NewMemory) -> Decision:
        digest = fact_digest(new)
        if (same := self._by_digest.get(digest)) is not None:
            return Decision(Outcome.DUPLICATE, self._merge(same, new))
        if new.id in self._by_id:
            return Decision(Outcome.ID_REUSED, None)
        return Decision(Outcome.CREATED, self._create(new))

    def _create(self, new: NewMemory) -> Memory:
        created = max(self._now, self.state.last_created + 1)
        revision = self.state.revision + 1
        memory = _stored(self._owner, new, created=created, revision=revision)
        self.state = OwnerState(revision, created)
        self._note(Change(ChangeKind.CREATED, memory, new.vector))
        return memory

    def _merge(self, same: Memory, new: NewMemory) -> Memory:
        fresh = [source for source in new.sources if source not in same.sources]
        if not fresh or len(same.sources) >= MAX_SOURCES:
            return same
        revision = self.state.revision + 1
        self.state = replace(self.state, revision=revision)
        sources = (*same.sources, *fresh)[:MAX_SOURCES]
        updated = max(self._now, same.updated)
        merged = replace(same, sources=sources, updated=updated, revision=revision)
        earlier = Earlier(same, updated, Cause.MERGE)
        self._note(Change(ChangeKind.UPDATED, merged, earlier=earlier))
        return merged

    def _note(self, change: Change) -> None:
        memory = change.memory
        self._by_digest[fact_digest(memory)] = memory
        self._by_id[memory.id] = memory
        first = self.changes.pop(memory.id, None)
        # Of several changes in one plan, only the state before the first was ever stored.
        self.changes[memory.id] = replace(first, memory=memory) if first else change


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
    )


def _identity(owner: Owner) -> tuple[str, str, str, str]:
    return (owner.tenant, owner.namespace, owner.kind.value, owner.id)


def delete(memories: Sequence[Memory], state: OwnerState, now: int) -> Plan:
    """Plan the deletion of `memories`."""
    changes = tuple(
        Change(
            ChangeKind.DELETED,
            replace(memory, revision=state.revision + place),
            earlier=Earlier(memory, max(now, memory.updated), Cause.DELETE),
        )
        for place, memory in enumerate(memories, start=1)
    )
    return Plan(changes, (), replace(state, revision=state.revision + len(changes)))
