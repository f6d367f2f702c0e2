"""Long-term memory in Redis: read what a plan needs, write what it says, or nothing."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis

from memory_service.domain.errors import RequestIdReused
from memory_service.domain.failed_ranges import FailedRange, FailedRanges, without
from memory_service.domain.memory import Memory, fact_digest
from memory_service.domain.owner import Owner, SessionRef
from memory_service.domain.reconcile import Change, ChangeKind, Known, OwnerState, Plan
from memory_service.domain.requests import RequestKey
from memory_service.domain.session import Session
from memory_service.store import records
from memory_service.store.history import DELETED_KEPT_SECONDS, EARLIER_KEPT, earlier_argument
from memory_service.store.keys import OwnerKeys, memory_owner_of, owner_path
from memory_service.store.requests import remembered, request_argument
from memory_service.store.scripts import Scripts
from memory_service.store.session_records import encode_failed

CHANGES_KEPT = 10_000
"""How many changes of an owner the feed keeps, approximately: 100 bytes each."""

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
    """

    session: Session
    cursor: int
    notices: tuple[str, ...] = ()
    failed: FailedRange | None = None
    again: tuple[int, int] | None = None

    @property
    def failed_ranges(self) -> FailedRanges:
        """The session's failed ranges from now on."""
        left = self.session.failed_ranges
        if self.again:
            left = without(left, *self.again)
        return (*left, self.failed) if self.failed else left


class MemoryStore:
    """Memories by key, and the one way to change them."""

    def __init__(self, redis: Redis, scripts: Scripts) -> None:
        self._redis = redis
        self._scripts = scripts

    async def get(self, owner: Owner, ids: Sequence[str]) -> dict[str, Memory]:
        """Return those of the memories that are there, by id."""
        keys = OwnerKeys(owner)
        async with self._redis.pipeline(transaction=False) as pipe:
            for memory_id in ids:
                pipe.hmget(keys.memory(memory_id), [records.BODY, records.EMBEDDED])
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

    async def state(self, owner: Owner) -> OwnerState:
        """Return the owner's revision and last create time."""
        return _state(await self._redis.hmget(OwnerKeys(owner).state, _STATE))

    async def known(self, owner: Owner, digests: Sequence[str], ids: Sequence[str]) -> Known:
        """Return what the owner knows of these facts and ids, as of the state that comes with it.

        What changes between the two reads here moves the revision, so the commit notices.
        """
        keys = OwnerKeys(owner)
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.hmget(keys.state, _STATE)
            if digests:
                pipe.hmget(keys.facts, list(digests))
            state, *found = await pipe.execute()
        same = [fact.decode() if fact else "" for fact in (found[0] if found else ())]
        wanted = list({memory_id for memory_id in (*same, *ids) if memory_id})
        by_id = await self.get(owner, wanted) if wanted else {}
        by_digest = {
            digest: by_id[memory_id]
            for digest, memory_id in zip(digests, same, strict=True)
            if memory_id in by_id
        }
        return Known(_state(state), by_digest, by_id)

    async def commit(
        self,
        owner: Owner,
        plan: Plan,
        *,
        base: OwnerState,
        answer: bytes = b"",
        request: RequestKey | None = None,
        advance: SessionAdvance | None = None,
    ) -> bytes | Fence:
        """Write `plan`, made on top of `base`, and what goes with it; all or nothing.

        Returns `answer`, or the first answer if the request is a repeat, or the fence that did not
        hold. Raises RequestIdReused.
        """
        keys = OwnerKeys(owner)
        kept = [change for change in plan.changes if change.kind is not ChangeKind.DELETED]
        gone = [change for change in plan.changes if change.kind is ChangeKind.DELETED]
        argument: dict[str, Any] = {
            "state": keys.state,
            "facts_key": keys.facts,
            "changes_key": keys.changes,
            "unembedded": keys.shared.unembedded,
            "expected_revision": str(base.revision),
            "revision": str(plan.state.revision),
            "last_created": str(plan.state.last_created),
            "puts": [_put(keys, change) for change in kept],
            "deletes": [_place(keys, change.memory.id) for change in gone],
            "deleted_kept": DELETED_KEPT_SECONDS,
            "earlier": [earlier_argument(keys, c, c.earlier) for c in plan.changes if c.earlier],
            "earlier_kept": EARLIER_KEPT,
            "facts": {fact_digest(c.earlier.memory): "" for c in plan.changes if c.earlier}
            | {fact_digest(c.memory): c.memory.id for c in kept},
            "changes": [_feed(change) for change in plan.changes],
            "changes_kept": CHANGES_KEPT,
            "request": request_argument(owner, request),
            "answer": answer,
            "session": _advance(advance) if advance else None,
        }
        reply = await self._scripts.commit(_commit_keys(argument), argument)
        if reply.status == "request_id_reused":
            raise RequestIdReused
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

    async def set_vector(self, memory_key: str, body: bytes, vector: bytes) -> bool:
        """Give a memory its vector unless its body has changed; say whether it was as expected."""
        unembedded = OwnerKeys(memory_owner_of(memory_key)).shared.unembedded
        argument = {"key": memory_key, "unembedded": unembedded, "body": body, "vector": vector}
        reply = await self._scripts.set_vector([memory_key, unembedded], argument)
        return reply.status == "done"


_STATE = ["revision", "last_created"]


def _state(values: Sequence[bytes | str | None]) -> OwnerState:
    return OwnerState(*(int(value or 0) for value in values))


def _decode(owner: Owner, body: bytes, embedded: bytes | None) -> Memory:
    fields = {records.BODY.encode(): body}
    if embedded:
        fields[records.EMBEDDED.encode()] = embedded
    return records.decode(owner, fields)


def _put(keys: OwnerKeys, change: Change) -> dict[str, Any]:
    fields = records.encode(change.memory, change.vector)
    return {
        **_place(keys, change.memory.id),
        "fields": [part for item in fields.items() for part in item],
        "cleared": records.left_out(fields, new_text=change.new_text),
    }


def _place(keys: OwnerKeys, memory_id: str) -> dict[str, str]:
    return {"key": keys.memory(memory_id), "history": keys.history(memory_id)}


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
    argument: dict[str, Any] = {
        "key": keys.session(ref.session_id),
        "generation": str(advance.session.generation),
        "cursor": str(advance.session.cursor),
        "new_cursor": str(advance.cursor),
        "failed_ranges": encode_failed(advance.session.failed_ranges),
        "new_failed_ranges": encode_failed(advance.failed_ranges),
        "notices": list(advance.notices),
        "deltas": keys.shared.deltas,
        "dead": keys.shared.dead,
        "group": GROUP,
    }
    if advance.failed:
        argument["dead_letter"] = _dead_letter(ref, advance.failed)
    return argument


def _dead_letter(ref: SessionRef, failed: FailedRange) -> list[str]:
    return [
        "owner",
        owner_path(ref.owner),
        "session",
        ref.session_id,
        "first",
        str(failed.first),
        "last",
        str(failed.last),
        "reason",
        failed.reason,
    ]


def _commit_keys(argument: dict[str, Any]) -> list[str]:
    names = ("state", "facts_key", "changes_key", "unembedded")
    keys = [argument[name] for name in names]
    for place in (*argument["puts"], *argument["deletes"]):
        keys += [place["key"], place["history"]]
    if argument["request"]:
        keys.append(argument["request"]["key"])
    if argument["session"]:
        keys += [argument["session"][name] for name in ("key", "deltas", "dead")]
    return keys
