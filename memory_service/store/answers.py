"""Answers to writes, as they are remembered for a repeat of the request."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from memory_service.domain.changes import Decision, Outcome
from memory_service.domain.memory import Memory
from memory_service.domain.owner import Owner
from memory_service.store import records


@dataclass(frozen=True, slots=True)
class Created:
    """The answer to a creation: a decision for each memory, and the owner's revision."""

    decisions: tuple[Decision, ...]
    revision: int


@dataclass(frozen=True, slots=True)
class Changed:
    """The answer to an update or a restoration: the memory now, and the owner's revision."""

    memory: Memory
    revision: int


@dataclass(frozen=True, slots=True)
class Deleted:
    """The answer to a deletion."""

    count: int
    missing: tuple[str, ...]
    revision: int


@dataclass(frozen=True, slots=True)
class Forgotten:
    """The answer to forgetting: how many, some of their ids, and the owner's revision."""

    count: int
    sample: tuple[str, ...]
    revision: int


def pack_created(created: Created) -> bytes:
    """Return the bytes that a repeat of a creation is answered from."""
    decisions = [
        [d.outcome.value, records.pack_memory(d.memory) if d.memory else None]
        for d in created.decisions
    ]
    return _pack({"decisions": decisions, "revision": created.revision})


def unpack_created(owner: Owner, answer: bytes) -> Created:
    """Undo `pack_created`."""
    value: dict[str, Any] = json.loads(answer)
    decisions = tuple(
        Decision(Outcome(outcome), records.unpack_memory(owner, memory) if memory else None)
        for outcome, memory in value["decisions"]
    )
    return Created(decisions, value["revision"])


def pack_changed(changed: Changed) -> bytes:
    """Return the bytes that a repeat of an update or a restoration is answered from."""
    return _pack({"memory": records.pack_memory(changed.memory), "revision": changed.revision})


def unpack_changed(owner: Owner, answer: bytes) -> Changed:
    """Undo `pack_changed`."""
    value: dict[str, Any] = json.loads(answer)
    return Changed(records.unpack_memory(owner, value["memory"]), value["revision"])


def pack_deleted(deleted: Deleted) -> bytes:
    """Return the bytes that a repeat of a deletion is answered from."""
    return _pack({"count": deleted.count, "missing": deleted.missing, "revision": deleted.revision})


def unpack_deleted(answer: bytes) -> Deleted:
    """Undo `pack_deleted`."""
    value: dict[str, Any] = json.loads(answer)
    return Deleted(value["count"], tuple(value["missing"]), value["revision"])


def pack_forgotten(forgotten: Forgotten) -> bytes:
    """Return the bytes that a repeat of forgetting is answered from."""
    return _pack(
        {"count": forgotten.count, "sample": forgotten.sample, "revision": forgotten.revision}
    )


def unpack_forgotten(answer: bytes) -> Forgotten:
    """Undo `pack_forgotten`."""
    value: dict[str, Any] = json.loads(answer)
    return Forgotten(value["count"], tuple(value["sample"]), value["revision"])


def _pack(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
