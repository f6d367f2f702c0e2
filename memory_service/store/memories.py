"""Long-term memory in Redis: read what a plan needs, write what it says, or nothing."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis

from memory_service.domain.changes import Cause, Change, ChangeKind, Earlier, OwnerState, Plan
from memory_service.domain.errors import RequestIdReused
from memory_service.domain.failed_ranges import FailedRange, FailedRanges, without
from memory_service.domain.known_entities import Acquaintance, gained
from memory_service.domain.limits import UNLIMITED, Quota
from memory_service.domain.memory import FACTS, Memory, MemoryType, fact_digest
from memory_service.domain.owner import Owner, SessionRef
from memory_service.domain.planning import Known
from memory_service.domain.requests import Job, RequestKey
from memory_service.domain.session import Session
from memory_service.store import acquaintances, records
from memory_service.store.accounts import refuse_over_quota
from memory_service.store.history import (
    DELETED_KEPT_SECONDS,
    EARLIER_KEPT,
    earlier_argument,
    state_argument,
)
from memory_service.store.jobs import job_argument, read_job
from memory_service.store.keys import OwnerKeys, memory_owner_of, owner_path
from memory_service.store.requests import remembered, request_argument
from memory_service.store.scripts import Scripts
from memory_service.store.session_records import FENCE, encode_failed, encode_fence
from memory_service.store.spaces import EMBEDDED, FIRST, Space
from memory_service.store.tags import YES

CHANGES_KEPT = 10_000
"""How many changes of an owner the feed keeps, approximately: 100 bytes each."""

SPEAKERS_KEPT = 64
"""How many names of speakers of an owner are known."""

MOST_KEPT = 256
"""How many people and things of an owner's life are counted; others are not known by name."""

GROUP = "pump"
"""The consumer group of the queues."""


class Fence(enum.Enum):
    """What had moved when nothing was written."""

    REVISION = "revision_moved"
    SESSION = "session_moved"


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


class MemoryStore:
    """Memories by key, and the one way to change them."""

    def __init__(
        self, redis: Redis, scripts: Scripts, space: Space = FIRST, quota: Quota = UNLIMITED
    ) -> None:
        """`quota` is what an owner may have."""
        self._quota = quota
        self._redis = redis
        self._scripts = scripts
        self._space = space

    async def get(self, owner: Owner, ids: Sequence[str]) -> dict[str, Memory]:
        """Return those of the memories that are there, by id."""
        keys = OwnerKeys(owner)
        async with self._redis.pipeline(transaction=False) as pipe:
            for memory_id in ids:
                pipe.hmget(keys.memory(memory_id), [records.BODY, self._space.embedded_field])
            rows = await pipe.execute()
        return {
            memory_id: _decode(owner, *row)
            for memory_id, row in zip(ids, rows, strict=True)
            if row[0] is not None
        }

    async def remembered(self, owner: Owner, request: RequestKey | None) -> bytes | None:
        """Return the first answer to a repeated request, None to a new one.

        Raises RequestIdReused.
        """
        return await remembered(self._redis, owner, request)

    async def job(self, owner: Owner, request: RequestKey | None, *, now: int) -> Job:
        """Return how far a request has come; one that has not begun begins now.

        Raises RequestIdReused.
        """
        begun = await read_job(self._redis, owner, request) if request else None
        return begun or Job(began=now)

    async def state(self, owner: Owner) -> OwnerState:
        """Return the owner's revision and last create time."""
        return _state(await self._redis.hmget(OwnerKeys(owner).state, _STATE))

    async def standing(self, owners: Sequence[Owner]) -> tuple[OwnerState, frozenset[str]]:
        """Return the first owner's state, and the names of all who talk with these owners."""
        async with self._redis.pipeline(transaction=False) as pipe:
            pipe.hmget(OwnerKeys(owners[0]).state, _STATE)
            for owner in owners:
                pipe.smembers(OwnerKeys(owner).speakers)
            state, *names = await pipe.execute()
        return _state(state), frozenset(name.decode() for each in names for name in each)

    async def known(self, owner: Owner, digests: Sequence[str], ids: Sequence[str]) -> Known:
        """Return what the owner knows of these facts and ids, as of the state that comes with it.

        What changes between the two reads here moves the revision, so the commit notices.
        """
        keys = OwnerKeys(owner)
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.hmget(keys.state, _STATE)
            if digests:
                pipe.hmget(keys.facts, list(digests))
                pipe.hmget(keys.deleted_facts, list(digests))
            state, *found = await pipe.execute()
        facts, deleted = found or ((), ())
        same = [fact.decode() if fact else "" for fact in facts]
        wanted = list({memory_id for memory_id in (*same, *ids) if memory_id})
        by_id = await self.get(owner, wanted) if wanted else {}
        by_digest = {
            digest: by_id[memory_id]
            for digest, memory_id in zip(digests, same, strict=True)
            if memory_id in by_id
        }
        tombs = [digest for digest, when in zip(digests, deleted, strict=True) if when]
        return Known(_state(state), by_digest, by_id, frozenset(tombs))

    async def commit(
        self,
        owner: Owner,
        plan: Plan,
        *,
        base: OwnerState,
        answer: bytes = b"",
        request: RequestKey | None = None,
        advance: SessionAdvance | None = None,
        job: Job | None = None,
        used: Mapping[str, int] | None = None,
        imported: Imported | None = None,
    ) -> bytes | Fence:
        """Write `plan`, made on top of `base`, and what goes with it; all or nothing.

        With `job` the request needs several commits: all but the last have no answer, and count
        what they delete. Given `used`, what was used at another time than it says is not deleted,
        as if the revision had moved. Returns `answer`, or the first answer if the request is a
        repeat, or the fence that did not hold. Raises QuotaExceeded, RequestIdReused.
        """
        keys = OwnerKeys(owner)
        kept = [change for change in plan.changes if change.kind is not ChangeKind.DELETED]
        gone = [change for change in plan.changes if change.kind is ChangeKind.DELETED]
        argument: dict[str, Any] = {
            "state": keys.state,
            "usage": keys.usage,
            # What has been taken in is extracted, however much comes of it.
            "quota": {} if advance else self._quota.limits,
            "facts_key": keys.facts,
            "deleted_facts_key": keys.deleted_facts,
            "known_key": keys.known,
            "used_key": keys.used,
            "changes_key": keys.changes,
            "unembedded": keys.shared.unembedded,
            "expected_revision": str(base.revision),
            "revision": str(plan.state.revision),
            "last_created": str(plan.state.last_created),
            "puts": [_put(keys, change, self._space) for change in kept],
            "vector": self._space.vector_field,
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
        reply = await self._scripts.commit(_commit_keys(argument), argument)
        if reply.status == "request_id_reused":
            raise RequestIdReused
        refuse_over_quota(reply)
        if reply.status in {fence.value for fence in Fence}:
            return Fence(reply.status)
        return reply.value

    async def unembedded(self, partitions: Sequence[str], count: int) -> list[str]:
        """Return keys of memories without a vector, up to `count` of each of these sets."""
        async with self._redis.pipeline(transaction=False) as pipe:
            for key in partitions:
                pipe.srandmember(key, count)
            found = await pipe.execute()
        return [key.decode() for keys in found for key in keys]

    async def bodies(self, memory_keys: Sequence[str]) -> list[bytes | None]:
        """Return the memories' bodies as they are stored, None for what is gone."""
        async with self._redis.pipeline(transaction=False) as pipe:
            for key in memory_keys:
                pipe.hget(key, records.BODY)
            return list(await pipe.execute())

    async def set_vector(
        self, memory_key: str, body: bytes, vector: bytes, space: Space | None = None
    ) -> bool:
        """Give a memory its vector unless its body has changed; say whether it was as expected.

        In a `space` that is not the one that is served, the memory goes on waiting for that one's.
        """
        unembedded = OwnerKeys(memory_owner_of(memory_key)).shared.unembedded
        into = space or self._space
        argument = {
            "key": memory_key,
            "unembedded": unembedded,
            "served": space is None,
            "body": body,
            "fields": [into.vector_field, vector, into.embedded_field, YES],
        }
        reply = await self._scripts.set_vector([memory_key, unembedded], argument)
        return reply.status == "done"


_STATE = ["revision", "last_created"]


def _state(values: Sequence[bytes | str | None]) -> OwnerState:
    return OwnerState(*(int(value or 0) for value in values))


def _decode(owner: Owner, body: bytes, embedded: bytes | None) -> Memory:
    fields = {records.BODY.encode(): body}
    if embedded:
        fields[EMBEDDED.encode()] = embedded
    return records.decode(owner, fields)


def _put(keys: OwnerKeys, change: Change, space: Space) -> dict[str, Any]:
    fields = records.encode(change.memory, change.vector, space)
    return {
        **_place(keys, change.memory.id),
        "fields": [part for item in fields.items() for part in item],
        "bytes": len(fields[records.BODY]),
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


def _commit_keys(argument: dict[str, Any]) -> list[str]:
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
