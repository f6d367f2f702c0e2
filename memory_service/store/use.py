"""When facts and events were last used: noted, read, and what forgetting goes by.

An owner's sorted set has every fact by its last use. The commits keep it as they create, change
and delete; searches add to it, later and by the way.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Any

from redis.asyncio import Redis

from memory_service.domain.forgetting import Standing
from memory_service.domain.memory import FACTS
from memory_service.domain.owner import Owner
from memory_service.store.connection import store_errors
from memory_service.store.keys import OWNERS, OwnerKeys, memory_id_of, memory_owner_of
from memory_service.store.scripts import pack

NOTE = """
-- Note when memories were used, if they are still there.
local a = cmsgpack.unpack(ARGV[1])
for id, time in pairs(a.uses) do redis.call('ZADD', a.key, 'XX', 'GT', time, id) end
return {'done', ''}
"""

FILL = """
-- Note the facts that are not noted yet, as used when they last changed.
local a = cmsgpack.unpack(ARGV[1])
for _, memory in ipairs(a.memories) do
  local found = redis.call('HMGET', memory.key, 'type', 'updated')
  if found[1] and a.facts[found[1]] then
    redis.call('ZADD', a.key, 'NX', found[2], memory.id)
  end
end
return {'done', ''}
"""

CHUNK = 1000
_FACTS = {type_.value: True for type_ in FACTS}

Uses = Mapping[str, int]
"""Ids of memories, and when they were last used, in microseconds since the epoch."""


class UseStore:
    """Reads and writes the sorted sets of use."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._note = redis.register_script(NOTE)
        self._fill = redis.register_script(FILL)

    async def note(self, uses: Mapping[Owner, Uses]) -> None:
        """Note uses later than those that are known, of memories that are still there."""
        arguments = [
            {"key": OwnerKeys(owner).used, "uses": {id_: str(time) for id_, time in ids.items()}}
            for owner, ids in uses.items()
        ]
        with store_errors():
            async with self._redis.pipeline(transaction=False) as pipe:
                for argument in arguments:
                    await self._note(
                        keys=[str(argument["key"])], args=[pack(argument)], client=pipe
                    )
                await pipe.execute()

    async def used(self, owner: Owner, ids: Sequence[str]) -> dict[str, int]:
        """Return when these memories were last used; of what is not a fact, nothing."""
        if not ids:
            return {}
        scores = await self._redis.zmscore(OwnerKeys(owner).used, list(ids))
        return {id_: int(s) for id_, s in zip(ids, scores, strict=True) if s is not None}

    async def summary(self, owner: Owner) -> tuple[int, int | None]:
        """Return how many facts the set has, and when the least recently used was used."""
        key = OwnerKeys(owner).used
        async with self._redis.pipeline(transaction=False) as pipe:
            pipe.zcard(key)
            pipe.zrange(key, 0, 0, withscores=True)
            count, first = await pipe.execute()
        return int(count), int(first[0][1]) if first else None

    async def standings(self, owner: Owner) -> list[Standing]:
        """Return what forgetting goes by, of all facts of the owner.

        Read in parts: what changes meanwhile may be missing, or be there as it was.
        """
        found: dict[str, Standing] = {}
        start = 0
        while part := await self._part(owner, start):
            found |= {each.id: each for each in await self._standings(owner, part)}
            start += len(part)
        return list(found.values())

    async def _part(self, owner: Owner, start: int) -> list[tuple[str, int]]:
        key = OwnerKeys(owner).used
        rows: Any = await self._redis.zrange(key, start, start + CHUNK - 1, withscores=True)
        return [(id_.decode(), int(score)) for id_, score in rows]

    async def _standings(self, owner: Owner, part: Sequence[tuple[str, int]]) -> list[Standing]:
        keys = OwnerKeys(owner)
        async with self._redis.pipeline(transaction=False) as pipe:
            for id_, _ in part:
                pipe.hmget(keys.memory(id_), ["created", "pinned"])
            rows = await pipe.execute()
        return [
            Standing(id_, int(created), used, pinned is not None)
            for (id_, used), (created, pinned) in zip(part, rows, strict=True)
            if created is not None
        ]

    async def fill(self, owner: Owner) -> None:
        """Note the owner's facts that are not noted yet, whoever wrote them."""
        keys = OwnerKeys(owner)
        pattern = keys.memory("") + "*"
        found: list[str] = []
        async for key in self._redis.scan_iter(match=pattern, count=CHUNK):
            found.append(key.decode())
            if len(found) == CHUNK:
                await self._fill_in(keys.used, found)
                found = []
        await self._fill_in(keys.used, found)

    async def _fill_in(self, used: str, memory_keys: Iterable[str]) -> None:
        memories = [{"key": key, "id": memory_id_of(key)} for key in memory_keys]
        argument: dict[str, Any] = {"key": used, "memories": memories, "facts": _FACTS}
        keys = [used, *(memory["key"] for memory in memories)]
        with store_errors():
            await self._fill(keys=keys, args=[pack(argument)])

    async def owners(self) -> AsyncIterator[Owner]:
        """Yield every owner that ever had a memory or a session, some perhaps twice."""
        async for key in self._redis.scan_iter(match=OWNERS, count=CHUNK):
            yield memory_owner_of(key.decode())
