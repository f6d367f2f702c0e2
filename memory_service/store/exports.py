"""What an export reads: batches of memories with their history, of sessions, of deleted facts.

Memories are found by the index, so none is read while it is being built: some would be missing.
"""

from __future__ import annotations

import heapq
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis

from memory_service.domain.changes import Earlier
from memory_service.domain.errors import SessionNotFound, StoreUnavailable
from memory_service.domain.filters import EVERYTHING, Filter, TimeField, TimeRange
from memory_service.domain.memory import Memory, MemoryType
from memory_service.domain.orders import Order, OrderBy
from memory_service.domain.owner import Owner, SessionRef
from memory_service.domain.search import Selection
from memory_service.domain.session import Message
from memory_service.store import messages, records, schema
from memory_service.store.history import decode_state
from memory_service.store.keys import OwnerKeys, owner_tag
from memory_service.store.paging import MemoryPages, Place
from memory_service.store.search import MemorySearch
from memory_service.store.sessions import SessionStore, Whole
from memory_service.store.spaces import FIRST, Space

MEMORIES = 32
"""Memories read at a time, with their history: a few megabytes at most."""

MESSAGES = 32
NAMES = 1000
"""Sessions, or deleted facts, of which the names are read at a time."""

SCAN_COUNT = 1000
BY_ID = Order(OrderBy.ID, ascending=True)


@dataclass(frozen=True, slots=True)
class Found:
    """A memory in the order of ids, None if it has gone, with its earlier states, oldest first.

    `offset` is how many were before it. Each state has its place: the revision that replaced it.
    """

    id: str
    offset: int
    memory: Memory | None
    states: tuple[tuple[int, Earlier], ...]


class ExportReader:
    """Reads what an owner has, in small pieces; each piece is of one moment."""

    def __init__(self, redis: Redis, sessions: SessionStore, space: Space = FIRST) -> None:
        self._redis = redis
        self._index = space.index
        self._search = MemorySearch(redis, space)
        self._pages = MemoryPages(redis, space)
        self._sessions = sessions

    async def begin(self, owner: Owner) -> tuple[int, int]:
        """Return when the owner's newest memory was created, and how many records there will be.

        All that are created later have later times. History and waiting memories are not counted.
        """
        newest = await self._redis.hget(OwnerKeys(owner).state, "last_created")
        return int(newest or 0), await self._total(owner)

    async def _total(self, owner: Owner) -> int:
        keys = OwnerKeys(owner)
        memories = await self._search.count(_everything(owner))
        total = memories + int(await self._redis.hlen(keys.deleted_facts))
        batch: list[str] = []
        async for name in self._session_names(owner):
            batch.append(name)
            if len(batch) == NAMES:
                total += await self._records_of(keys, batch)
                batch = []
        return total + await self._records_of(keys, batch)

    async def _records_of(self, keys: OwnerKeys, session_ids: Sequence[str]) -> int:
        async with self._redis.pipeline(transaction=False) as pipe:
            for session_id in session_ids:
                pipe.xlen(keys.log(session_id))
            return len(session_ids) + int(sum(await pipe.execute()))

    async def memories(
        self, owner: Owner, created: TimeRange, after: tuple[str, int] | None
    ) -> list[Found]:
        """Return the next memories that were created then, by id, with their history.

        `after` is the id of the last one, and its offset. Raises StoreUnavailable while the index
        is being built, SearchTimeout.
        """
        selection = _everything(owner, Filter(must=(created,)))
        place = Place(0, 0.0, after[0], owner_tag(owner), after[1]) if after else None
        places = await self._pages.places(selection, BY_ID, after=place, limit=MEMORIES)
        if await schema.indexing(self._redis, self._index):
            raise StoreUnavailable("memories are being indexed")
        return await self._with_history(owner, places)

    async def _with_history(self, owner: Owner, places: Sequence[Place]) -> list[Found]:
        keys = OwnerKeys(owner)
        async with self._redis.pipeline(transaction=True) as pipe:
            for place in places:
                pipe.hget(keys.memory(place.id), records.BODY)
                pipe.xrange(keys.history(place.id))
            replies = await pipe.execute() if places else []
        pairs = zip(places, replies[::2], replies[1::2], strict=True)
        return [_found(owner, place, body, entries) for place, body, entries in pairs]

    async def history(
        self, owner: Owner, memory_id: str, *, after: int, upto: int
    ) -> list[tuple[int, Earlier]]:
        """Return earlier states of a memory by place, after < place <= upto."""
        key = OwnerKeys(owner).history(memory_id)
        entries: Any = await self._redis.xrange(key, min=f"({after}-0", max=f"{upto}-0")
        return [decode_state(owner, *entry) for entry in entries]

    async def session_ids(self, owner: Owner, after: str) -> list[str]:
        """Return the next ids of sessions, in their order."""
        names = {name async for name in self._session_names(owner) if name > after}
        return heapq.nsmallest(NAMES, names)

    async def _session_names(self, owner: Owner) -> AsyncIterator[str]:
        seen = self._redis.zscan_iter(OwnerKeys(owner).sessions, count=SCAN_COUNT)
        async for name, _ in seen:
            yield name.decode()

    async def session(self, ref: SessionRef) -> Whole | None:
        """Return a session without its messages but for the newest; None if it has gone."""
        try:
            return await self._sessions.whole(ref, 0)
        except SessionNotFound:
            return None

    async def messages(
        self, ref: SessionRef, generation: int, first: int, last: int
    ) -> tuple[Message, ...]:
        """Return the next messages [first, last]; none if the session is of another generation."""
        keys = OwnerKeys(ref.owner)
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.hget(keys.session(ref.session_id), "generation")
            log = keys.log(ref.session_id)
            pipe.xrange(log, min=f"{first}-0", max=f"{last}-0", count=MESSAGES)
            found, entries = await pipe.execute()
        if int(found or 0) != generation:
            return ()
        return tuple(messages.decode(*entry) for entry in entries)

    async def deleted_facts(self, owner: Owner, after: str) -> list[str]:
        """Return the next digests of deleted facts, in their order."""
        key = OwnerKeys(owner).deleted_facts
        digests = self._redis.hscan_iter(key, count=SCAN_COUNT, no_values=True)
        found = {digest.decode() async for digest in digests}
        return heapq.nsmallest(NAMES, (digest for digest in found if digest > after))


def _everything(owner: Owner, filter_: Filter = EVERYTHING) -> Selection:
    return Selection((owner,), types=tuple(MemoryType), filter=filter_)


def created(*, until: int | None = None, since: int | None = None) -> TimeRange:
    """Return the times from after `since` on, or up to and including `until`."""
    start = None if since is None else since + 1
    return TimeRange(TimeField.CREATE_TIME, start, None if until is None else until + 1)


def _found(owner: Owner, place: Place, body: bytes | None, entries: Sequence[Any]) -> Found:
    if body is None:
        return Found(place.id, place.offset, None, ())
    memory = records.decode(owner, {records.BODY.encode(): body})
    states = tuple(decode_state(owner, *entry) for entry in entries)
    return Found(place.id, place.offset, memory, states)
