"""The change feed of an owner: what happened to its memories, as far back as it is kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis

from memory_service.domain.changes import ChangeKind
from memory_service.domain.errors import RevisionTrimmed
from memory_service.domain.memory import MemoryType
from memory_service.domain.owner import Owner
from memory_service.store.keys import OwnerKeys

_STATE = ["revision", "floor"]


@dataclass(frozen=True, slots=True)
class FeedEntry:
    """One change of one memory, which made this the owner's revision."""

    revision: int
    kind: ChangeKind
    memory_id: str
    type: MemoryType


@dataclass(frozen=True, slots=True)
class FeedBatch:
    """Some entries, and the revision up to which they are all; `last` if that is the owner's."""

    entries: tuple[FeedEntry, ...]
    position: int
    last: bool


class ChangeFeed:
    """Reads feeds; nothing here waits for a change."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def read(self, owner: Owner, after: int, *, limit: int) -> FeedBatch:
        """Return the next entries after revision `after`, `limit` at most.

        Raises RevisionTrimmed if the feed does not reach back so far, or if the owner has not come
        so far: then `after` is not from this feed.
        """
        keys = OwnerKeys(owner)
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.hmget(keys.state, _STATE)
            pipe.xlen(keys.changes)
            # The feed's oldest entry, and all that were ever added less those that are left.
            pipe.xrange(keys.changes, count=1)
            pipe.xrange(keys.changes, min=f"{after + 1}-0", count=limit)
            pipe.xinfo_stream(keys.changes)
            # There is no information about a stream that is not there, only an error.
            *replies, info = await pipe.execute(raise_on_error=False)
        state, length, oldest, entries = _whole(replies)
        revision, floor = (int(value or 0) for value in state)
        if length and _whole([info])[0]["entries-added"] > length:
            floor = max(floor, _revision(oldest[0][0]) - 1)
        if not floor <= after <= revision:
            raise RevisionTrimmed
        last = len(entries) < limit
        return FeedBatch(
            tuple(_entry(*entry) for entry in entries),
            revision if last else _revision(entries[-1][0]),
            last,
        )

    async def revisions(self, owners: Sequence[Owner]) -> list[int]:
        """Return the owners' revisions."""
        async with self._redis.pipeline(transaction=False) as pipe:
            for owner in owners:
                pipe.hget(OwnerKeys(owner).state, "revision")
            return [int(revision or 0) for revision in await pipe.execute()]


def _whole(replies: Sequence[Any]) -> Sequence[Any]:
    for reply in replies:
        if isinstance(reply, Exception):
            raise reply
    return replies


def _entry(entry_id: bytes, fields: Mapping[bytes, bytes]) -> FeedEntry:
    return FeedEntry(
        _revision(entry_id),
        ChangeKind(fields[b"kind"].decode()),
        fields[b"id"].decode(),
        MemoryType(fields[b"type"].decode()),
    )


def _revision(entry_id: Any) -> int:
    return int(entry_id.partition(b"-")[0])
