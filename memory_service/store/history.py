"""The earlier states of memories: a stream for each, written by the commit that replaces them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from redis.asyncio import Redis

from memory_service.domain.errors import MemoryNotFound
from memory_service.domain.owner import Owner
from memory_service.domain.reconcile import Cause, Change, Earlier
from memory_service.store import records
from memory_service.store.keys import OwnerKeys

EARLIER_KEPT = 50
"""How many earlier states of a memory are kept, the newest."""

DELETED_KEPT_SECONDS = 30 * 24 * 3600
"""How long a deleted memory can be restored."""


def earlier_argument(keys: OwnerKeys, change: Change, earlier: Earlier) -> dict[str, Any]:
    """Return what the commit's script writes of the state that `change` ends."""
    state = json.dumps(records.pack_memory(earlier.memory), ensure_ascii=False)
    return {
        "key": keys.history(change.memory.id),
        "revision": str(change.memory.revision),
        "fields": ["state", state, "replaced", str(earlier.replaced), "cause", earlier.cause.value],
    }


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


def _place(entry_id: bytes) -> int:
    return int(entry_id.split(b"-")[0])


def _earlier(owner: Owner, fields: Mapping[bytes, bytes]) -> Earlier:
    memory = records.unpack_memory(owner, json.loads(fields[b"state"]))
    return Earlier(memory, int(fields[b"replaced"]), Cause(fields[b"cause"].decode()))
