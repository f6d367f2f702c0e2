"""What the commit script is told: a plan as keys and fields."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from memory_service.domain.changes import Cause, Change, ChangeKind, Earlier, OwnerState, Plan
from memory_service.domain.failed_ranges import FailedRange, FailedRanges, without
from memory_service.domain.known_entities import Acquaintance, gained
from memory_service.domain.limits import Quota
from memory_service.domain.memory import FACTS, MemoryType, fact_digest
from memory_service.domain.owner import Owner, SessionRef
from memory_service.domain.requests import Job, RequestKey
from memory_service.domain.session import Session
from memory_service.store import acquaintances, records
from memory_service.store.history import (
    DELETED_KEPT_SECONDS,
    EARLIER_KEPT,
    earlier_argument,
    state_argument,
)
from memory_service.store.jobs import job_argument
from memory_service.store.keys import OwnerKeys, owner_path
from memory_service.store.requests import request_argument
from memory_service.store.session_records import FENCE, encode_failed, encode_fence
from memory_service.store.spaces import Space

CHANGES_KEPT = 10_000
"""How many changes of an owner the feed keeps, approximately: 100 bytes each."""

SPEAKERS_KEPT = 64
"""How many names of speakers of an owner are known."""

MOST_KEPT = 256
"""How many people and things of an owner's life are counted; others are not known by name."""

GROUP = "pump"
"""The consumer group of the queues."""


@dataclass(frozen=True, slots=True)
class SessionAdvance:
    """A session's new cursor, written with the memories that its messages gave.

    `notices` are ids of the queue that are done with. `failed` is set if the messages were given
    up. `again` are the first and last of them if they had failed before; the cursor stays then.
    `promoted` memories that wait in the session, the oldest, are among those that are written.
    `acquaintance`: who was known when the page of these messages was begun.
    """

    session: Session
    cursor: int
    notices: tuple[str, ...] = ()
    failed: FailedRange | None = None
    again: tuple[int, int] | None = None
    promoted: int = 0
    acquaintance: Acquaintance | None = None

    @property
    def given_cursor(self) -> int:
        """How far the memories that wait in the session are promoted from now on."""
        return self.session.given_cursor + self.promoted

    @property
    def failed_ranges(self) -> FailedRanges:
        """The session's failed ranges from now on."""
        left = self.session.failed_ranges
        if self.again:
            left = without(left, *self.again)
        return (*left, self.failed) if self.failed else left


@dataclass(frozen=True, slots=True)
class Imported:
    """What is written with memories that are imported at `now`.

    Earlier states, each with its memory's id and its place, and digests of deleted facts.
    """

    states: Sequence[tuple[str, tuple[int, Earlier]]]
    deleted_facts: Sequence[str]
    now: int


def text_of(plan: Plan, imported: Imported | None) -> int:
    """Return how many characters of text a commit is to encode."""
    earlier = [state.memory for _, (_, state) in imported.states] if imported else []
    memories = [*(change.memory for change in plan.changes), *earlier]
    return sum(len(memory.text) for memory in memories)


def commit_argument(
    owner: Owner,
    plan: Plan,
    *,
    base: OwnerState,
    space: Space,
    quota: Quota,
    answer: bytes,
    request: RequestKey | None,
    advance: SessionAdvance | None,
    job: Job | None,
    used: Mapping[str, int] | None,
    imported: Imported | None,
) -> dict[str, Any]:
    """Return the argument of the script; see `MemoryStore.commit` for what each is."""
    keys = OwnerKeys(owner)
    kept = [change for change in plan.changes if change.kind is not ChangeKind.DELETED]
    gone = [change for change in plan.changes if change.kind is ChangeKind.DELETED]
    argument: dict[str, Any] = {
        "state": keys.state,
        "usage": keys.usage,
        # What has been taken in is extracted, however much comes of it.
        "quota": {} if advance else quota.limits,
        "facts_key": keys.facts,
        "deleted_facts_key": keys.deleted_facts,
        "known_key": keys.known,
        "used_key": keys.used,
        "changes_key": keys.changes,
        "unembedded": keys.shared.unembedded,
        "expected_revision": str(base.revision),
        "revision": str(plan.state.revision),
        "last_created": str(plan.state.last_created),
        "puts": [_put(keys, change, space) for change in kept],
        "vector": space.vector_field,
        "deletes": [_gone(keys, change.memory.id, used) for change in gone],
        "deleted_kept": DELETED_KEPT_SECONDS,
        "earlier": [earlier_argument(keys, c, c.earlier) for c in plan.changes if c.earlier],
        "earlier_kept": EARLIER_KEPT,
        "facts": _facts(plan.changes),
        "deleted_facts": _deleted_facts(plan.changes),
        "known": acquaintances.encode_counts(gained(plan.changes)),
        "most_known": MOST_KEPT,
        "used": _used(kept),
        "speakers_key": keys.speakers,
        "speakers": _speakers(plan.changes),
        "speakers_kept": SPEAKERS_KEPT,
        "changes": [_feed(change) for change in plan.changes],
        "changes_kept": CHANGES_KEPT,
        "request": request_argument(owner, request),
        "answer": answer,
        "job": job_argument(owner, request, job, [c.memory.id for c in gone]) if job else None,
        "session": _advance(advance) if advance else None,
    }
    if imported:
        _add_imported(argument, keys, imported)
    return argument


def _put(keys: OwnerKeys, change: Change, space: Space) -> dict[str, Any]:
    fields = records.encode(change.memory, change.vector, space)
    return {
        **_place(keys, change.memory.id),
        "fields": [part for item in fields.items() for part in item],
        # As HSTRLEN counts what is there before and after.
        "bytes": len(str(fields[records.BODY]).encode()),
        "cleared": records.left_out(fields),
        "new_text": change.new_text,
    }


def _place(keys: OwnerKeys, memory_id: str) -> dict[str, str]:
    return {"id": memory_id, "key": keys.memory(memory_id), "history": keys.history(memory_id)}


def _gone(keys: OwnerKeys, memory_id: str, used: Mapping[str, int] | None) -> dict[str, str]:
    place = _place(keys, memory_id)
    return place if used is None else place | {"used": str(used.get(memory_id, ""))}


def _facts(changes: Sequence[Change]) -> dict[str, str]:
    """Return which memory says which fact from now on; an empty id: none does."""
    before = [c.earlier.memory for c in changes if c.earlier and c.earlier.memory.current]
    after = [c.memory for c in changes if c.kind is not ChangeKind.DELETED and c.memory.current]
    unsaid = dict.fromkeys((fact_digest(memory) for memory in before), "")
    said = {fact_digest(m): m.id for m in after if m.type is not MemoryType.MESSAGE}
    return unsaid | said


def _deleted_facts(changes: Sequence[Change]) -> dict[str, str]:
    """Return when which fact was deleted by a caller; an empty time: it is there again."""
    ends = [c.earlier for c in changes if c.kind is ChangeKind.DELETED and c.earlier]
    deleted = {fact_digest(e.memory): str(e.replaced) for e in ends if e.cause is Cause.DELETE}
    created = [c.memory for c in changes if c.kind is ChangeKind.CREATED]
    return deleted | {fact_digest(memory): "" for memory in created}


def _used(kept: Sequence[Change]) -> dict[str, str]:
    """Return when which fact or event was used last."""
    facts = [change.memory for change in kept if change.memory.type in FACTS]
    return {memory.id: str(memory.updated) for memory in facts}


def _speakers(changes: Sequence[Change]) -> list[str]:
    """Return the names of those who said something new, each once."""
    turns = [c.memory.turn for c in changes if c.kind is ChangeKind.CREATED]
    return list(dict.fromkeys(turn.speaker for turn in turns if turn and turn.speaker))


def _add_imported(argument: dict[str, Any], keys: OwnerKeys, imported: Imported) -> None:
    argument["earlier"] += [
        state_argument(keys, memory_id, place, earlier)
        for memory_id, (place, earlier) in imported.states
    ]
    argument["deleted_facts"] |= dict.fromkeys(imported.deleted_facts, str(imported.now))
    argument["used"] = dict.fromkeys(argument["used"], str(imported.now))


def _feed(change: Change) -> dict[str, str]:
    return {
        "revision": str(change.memory.revision),
        "kind": change.kind.value,
        "id": change.memory.id,
        "type": change.memory.type.value,
    }


def _advance(advance: SessionAdvance) -> dict[str, Any]:
    ref = advance.session.ref
    keys = OwnerKeys(ref.owner)
    fields = {"cursor": str(advance.cursor), "failed_ranges": encode_failed(advance.failed_ranges)}
    if advance.promoted:
        fields["given_cursor"] = str(advance.given_cursor)
    if advance.acquaintance:
        fields[acquaintances.FIELD] = acquaintances.encode(advance.acquaintance)
    argument: dict[str, Any] = {
        "key": keys.session(ref.session_id),
        "given": keys.given(ref.session_id),
        "fence": FENCE,
        "expected": encode_fence(advance.session),
        "cursor": advance.cursor,
        "given_cursor": advance.given_cursor,
        "fields": [part for item in fields.items() for part in item],
        "given_after": f"{advance.given_cursor + 1}-0" if advance.promoted else None,
        "notices": list(advance.notices),
        "deltas": keys.shared.deltas,
        "dead": keys.shared.dead,
        "group": GROUP,
    }
    if advance.failed:
        argument["dead_letter"] = _dead_letter(ref, advance.failed)
    return argument


def _dead_letter(ref: SessionRef, failed: FailedRange) -> list[str]:
    fields = {
        "owner": owner_path(ref.owner),
        "session": ref.session_id,
        "first": str(failed.first),
        "last": str(failed.last),
        "reason": failed.reason,
    }
    return [part for item in fields.items() for part in item]


def commit_keys(argument: Mapping[str, Any]) -> list[str]:
    """Return all the keys that a commit with this argument touches."""
    names = (
        *("state", "usage", "facts_key", "deleted_facts_key", "known_key", "used_key"),
        "changes_key",
        *("speakers_key", "unembedded"),
    )
    keys = [argument[name] for name in names]
    for place in (*argument["puts"], *argument["deletes"]):
        keys += [place["key"], place["history"]]
    keys += [earlier["key"] for earlier in argument["earlier"]]
    keys += [argument[name]["key"] for name in ("request", "job") if argument[name]]
    if argument["session"]:
        keys += [argument["session"][name] for name in ("key", "given", "deltas", "dead")]
    return keys
