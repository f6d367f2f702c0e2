"""The earlier states of memories: a stream for each, written by the commit that replaces them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import repeat
from typing import Any

from redis.asyncio import Redis

from memory_service.domain.changes import Cause, Change, Earlier
from memory_service.domain.errors import MemoryNotFound
from memory_service.domain.memory import Memory
from memory_service.domain.owner import Owner
from memory_service.store import records
from memory_service.store.keys import OwnerKeys

EARLIER_KEPT = 50
"""How many earlier states of a memory are kept, the newest."""

STATES_AT_ONCE = 64
"""How many memories' histories are read in one round trip."""

DELETED_KEPT_SECONDS = 30 * 24 * 3600
"""How long a deleted memory can be restored."""


def earlier_argument(keys: OwnerKeys, change: Change, earlier: Earlier) -> dict[str, Any]:
    """Return what the commit's script writes of the state that `change` ends."""
    return state_argument(keys, change.memory.id, change.memory.revision, earlier)


def state_argument(keys: OwnerKeys, memory_id: str, place: int, earlier: Earlier) -> dict[str, Any]:
    """Return what the commit's script writes of an earlier state: that before revision `place`."""
    state = json.dumps(records.pack_memory(earlier.memory), ensure_ascii=False)
    return {
        "key": keys.history(memory_id),
        "revision": str(place),
        "fields": ["state", state, "replaced", str(earlier.replaced), "cause", earlier.cause.value],
    }


def decode_state(
    owner: Owner, entry_id: bytes, fields: Mapping[bytes, bytes]
) -> tuple[int, Earlier]:
    """Return an earlier state from an entry of its memory's stream, with its place."""
    return _place(entry_id), _earlier(owner, fields)


class MemoryHistory:
    """Reads the earlier states of memories, of deleted ones too."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def page(
        self, owner: Owner, memory_id: str, *, before: int | None, limit: int
    ) -> list[tuple[int, Earlier]]:
        """Return up to `limit` earlier states, the newest first, each with its place.

        The place of a state is the revision that replaced it; `before` leaves out all but those
        that were replaced before that one. Raises MemoryNotFound if there is no such memory and
        was none.
        """
        keys = OwnerKeys(owner)
        newest = "+" if before is None else f"({before}-0"
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.exists(keys.memory(memory_id), keys.history(memory_id))
            pipe.xrevrange(keys.history(memory_id), max=newest, count=limit)
            known, entries = await pipe.execute()
        if not known:
            raise MemoryNotFound
        return [(_place(entry_id), _earlier(owner, fields)) for entry_id, fields in entries]

    async def find(self, owner: Owner, memory_id: str, revision: int) -> Earlier | None:
        """Return the earlier state that is of this revision, or the last with revision 0.

        None if it is not kept. Raises MemoryNotFound.
        """
        states = await self.page(owner, memory_id, before=None, limit=EARLIER_KEPT)
        for _, earlier in states:
            if revision in (0, earlier.memory.revision):
                return earlier
        return None

    async def kept(self, owner: Owner, ids: Sequence[str]) -> dict[str, list[tuple[int, Earlier]]]:
        """Return the earlier states of each memory, the oldest first, each with its place."""
        keys = OwnerKeys(owner)
        async with self._redis.pipeline(transaction=False) as pipe:
            for memory_id in ids:
                pipe.xrange(keys.history(memory_id))
            histories = await pipe.execute()
        return {
            memory_id: [decode_state(owner, *entry) for entry in entries]
            for memory_id, entries in zip(ids, histories, strict=True)
        }

    async def as_of(self, memories: Sequence[Memory], time: int) -> list[Memory]:
        """Return each memory in the state that it was in at `time`, in microseconds.

        Where that is not kept any more it is the oldest that is.
        """
        found: list[Memory] = []
        for first in range(0, len(memories), STATES_AT_ONCE):
            some = memories[first : first + STATES_AT_ONCE]
            async with self._redis.pipeline(transaction=False) as pipe:
                for memory in some:
                    pipe.xrange(OwnerKeys(memory.owner).history(memory.id))
                histories = await pipe.execute()
            found += map(_state_at, some, histories, repeat(time))
        return found


def _state_at(memory: Memory, entries: Sequence[tuple[bytes, Any]], time: int) -> Memory:
    for _, fields in entries:
        if int(fields[b"replaced"]) > time:
            return _earlier(memory.owner, fields).memory
    return memory


def _place(entry_id: bytes) -> int:
    return int(entry_id.split(b"-")[0])


def _earlier(owner: Owner, fields: Mapping[bytes, bytes]) -> Earlier:
    memory = records.unpack_memory(owner, json.loads(fields[b"state"]))
    return Earlier(memory, int(fields[b"replaced"]), Cause(fields[b"cause"].decode()))
