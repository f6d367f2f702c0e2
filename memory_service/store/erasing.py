"""Erase all that is kept of an owner, batch by batch, each batch atomic.

Nothing is trusted to know an owner's keys: each round goes through every key of the database and
through what the owner's partition shares, and the erasure is done when a round finds nothing. Each
batch moves the owner's revision, so what was planned before it cannot be written after it, and
takes the floor of the change feed along, so that no watch goes on across it.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from dataclasses import asdict, astuple, dataclass
from typing import Any

import msgpack
from redis.asyncio import Redis

from memory_service.domain.errors import RequestIdReused
from memory_service.domain.owner import Owner
from memory_service.domain.requests import RequestKey
from memory_service.store.commits import GROUP
from memory_service.store.keys import OwnerKeys, family_of, owner_path
from memory_service.store.requests import remembered, request_argument
from memory_service.store.scripts import ACCOUNTS, REPLAY, run_script

METHOD = "EraseUser"
"""Whose remembered answers stay: a repeat gets the same receipt."""

BATCH = 500
SCAN_COUNT = 1000

ERASE = (
    ACCOUNTS
    + """
-- Erase some keys of an owner, its marks in what its partition shares, and move its fences.
local a = cmsgpack.unpack(ARGV[1])
local erased = {mem = 0, wm = 0}
local keys = 0
for _, found in ipairs(a.found) do
  local gone = redis.call('UNLINK', found.key)
  keys = keys + gone
  if erased[found.family] then erased[found.family] = erased[found.family] + gone end
  redis.call('SREM', a.unembedded, found.key)
end
for _, key in ipairs(a.waiting) do redis.call('SREM', a.unembedded, key) end
for _, key in ipairs(a.expiring) do redis.call('ZREM', a.expiry, key) end
for _, notice in ipairs(a.notices) do
  redis.call('XACK', a.deltas, a.group, notice)
  redis.call('XDEL', a.deltas, notice)
end
for _, letter in ipairs(a.letters) do redis.call('XDEL', a.dead, letter) end

if keys > 0 then
  local revision = redis.call('HINCRBY', a.state, 'revision', 1)
  redis.call('HSET', a.state, 'floor', revision)
  redis.call('HDEL', a.state, 'last_created')
  redis.call('HINCRBY', a.state, 'erased_memories', erased.mem)
  redis.call('HINCRBY', a.state, 'erased_sessions', erased.wm)
  redis.call('HINCRBY', a.state, 'erased_keys', keys)
  local had = redis.call('HMGET', a.state, 'memories', 'bytes', 'sessions')
  for i, value in ipairs(had) do had[i] = -tonumber(value or '0') end
  account(a, had[1], had[2], had[3])
  redis.call('HDEL', a.state, 'memories', 'bytes', 'sessions')
end
return {'done', ''}
"""
)

FINISH = (
    REPLAY
    + """
-- Write the receipt for all that was erased since the last one.
local a = cmsgpack.unpack(ARGV[1])
local again = replayed(a.request)
if again then return again end

local function taken(name)
  local count = redis.call('HGET', a.state, name)
  redis.call('HDEL', a.state, name)
  return tonumber(count or '0')
end
local answer = cmsgpack.pack({memories = taken('erased_memories'),
  sessions = taken('erased_sessions'), keys = taken('erased_keys'), verified = a.now})
remember(a.request, answer)
return {'done', answer}
"""
)


@dataclass(frozen=True, slots=True)
class Receipt:
    """How much was erased, and when nothing was found any more."""

    memories: int
    sessions: int
    keys: int
    verified: int


@dataclass(frozen=True, slots=True)
class _Marks:
    """Where an owner is named in what its partition shares: members and entry ids."""

    waiting: list[bytes]
    expiring: list[bytes]
    notices: list[bytes]
    letters: list[bytes]

    def __bool__(self) -> bool:
        return any(astuple(self))


class Eraser:
    """The store's side of an erasure."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._erase = redis.register_script(ERASE)
        self._finish = redis.register_script(FINISH)

    async def receipt(self, owner: Owner, request: RequestKey | None) -> Receipt | None:
        """Return the receipt that a repeated request got first. Raises RequestIdReused."""
        first = await remembered(self._redis, owner, request)
        return _receipt(first) if first is not None else None

    async def round(self, owner: Owner) -> AsyncGenerator[None]:
        """Erase all that there is; yield after each batch, so never if there was nothing."""
        async for batch in self._keys(owner):
            await self._erase_batch(owner, batch, _Marks([], [], [], []))
            yield
        while marks := await self._marks(owner):
            await self._erase_batch(owner, [], marks)
            yield

    async def finish(self, owner: Owner, *, now: int, request: RequestKey | None) -> Receipt:
        """Return the receipt, and remember it for a repeat. Raises RequestIdReused."""
        state = OwnerKeys(owner).state
        remembering = request_argument(owner, request)
        keys = [state, remembering["key"]] if remembering else [state]
        argument = {"state": state, "now": str(now), "request": remembering}
        reply = await run_script(self._finish, keys, argument)
        if reply.status == "request_id_reused":
            raise RequestIdReused
        return _receipt(reply.value)

    async def _erase_batch(self, owner: Owner, found: Sequence[str], marks: _Marks) -> None:
        keys = OwnerKeys(owner)
        shared = {
            "state": keys.state,
            "usage": keys.usage,
            "unembedded": keys.shared.unembedded,
            "expiry": keys.shared.expiry,
            "deltas": keys.shared.deltas,
            "dead": keys.shared.dead,
        }
        argument = {
            **shared,
            **asdict(marks),
            "group": GROUP,
            "found": [{"key": key, "family": family_of(key)} for key in found],
        }
        await run_script(self._erase, [*shared.values(), *found], argument)

    async def _keys(self, owner: Owner) -> AsyncIterator[list[str]]:
        """Yield the keys of the owner in batches, but for its counters and its receipts."""
        keys = OwnerKeys(owner)
        receipts = keys.request(METHOD, "")
        batch: list[str] = []
        async for raw in self._redis.scan_iter(match=keys.pattern, count=SCAN_COUNT):
            key = raw.decode()
            if not keys.owns(key) or key == keys.state or key.startswith(receipts):
                continue
            batch.append(key)
            if len(batch) == BATCH:
                yield batch
                batch = []
        if batch:
            yield batch

    async def _marks(self, owner: Owner) -> _Marks:
        """Return up to BATCH marks of each sort."""
        keys = OwnerKeys(owner)
        return _Marks(
            await self._members(keys, self._redis.sscan_iter, keys.shared.unembedded),
            await self._members(keys, self._redis.zscan_iter, keys.shared.expiry),
            await self._entries(keys.shared.deltas, owner),
            await self._entries(keys.shared.dead, owner),
        )

    async def _members(self, keys: OwnerKeys, scan: Any, shared: str) -> list[bytes]:
        """Return keys of the owner among the members of a set, found by scanning it."""
        found: list[bytes] = []
        async for member in scan(shared, match=keys.pattern, count=SCAN_COUNT):
            # Those of a sorted set come with their scores.
            key: bytes = member[0] if isinstance(member, tuple) else member
            if keys.owns(key.decode()):
                found.append(key)
            if len(found) == BATCH:
                break
        return found

    async def _entries(self, stream: str, owner: Owner) -> list[bytes]:
        path = owner_path(owner).encode()
        found: list[bytes] = []
        start = "-"
        while len(found) < BATCH:
            entries: Any = await self._redis.xrange(stream, min=start, count=SCAN_COUNT)
            if not entries:
                break
            found += [id_ for id_, fields in entries if fields.get(b"owner") == path]
            start = f"({entries[-1][0].decode()}"
        return found


def _receipt(answer: bytes) -> Receipt:
    value = msgpack.unpackb(answer)
    return Receipt(value["memories"], value["sessions"], value["keys"], int(value["verified"]))
