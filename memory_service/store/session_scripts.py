"""The scripts that replace a session or change what it is kept with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from redis.asyncio import Redis

from memory_service.domain.errors import (
    EtagMismatch,
    NotExtracted,
    RequestIdReused,
    SessionNotFound,
)
from memory_service.store.scripts import REPLAY, Reply, run_script

PUT = (
    REPLAY
    + """
-- Replace a session by a new generation of it, if nothing of the old one is left to extract.
local a = cmsgpack.unpack(ARGV[1])
local again = replayed(a.request)
if again then return again end

local s = redis.call('HMGET', a.session, 'generation', 'version', 'tail', 'cursor', 'failed_ranges')
local etag = s[1] and string.format('%x-%x', tonumber(s[1]), tonumber(s[2])) or ''
if a.etag ~= '' and a.etag ~= etag then return {'etag_mismatch'} end
if s[1] and not extracted(s[3], s[4], s[5]) then return {'not_extracted'} end

redis.call('DEL', a.session, a.log, a.ids)
local generation = tostring(redis.call('HINCRBY', a.state, 'generation', 1))
redis.call('HSET', a.session, 'generation', generation, 'version', '1', 'created', a.now,
  'updated', a.now, 'cursor', '0', 'tail', #a.messages, unpack(a.notes))
for i, m in ipairs(a.messages) do
  local sequence = string.format('%d', i)
  redis.call('XADD', a.log, sequence .. '-0', 'message', m.body)
  if m.id ~= '' then redis.call('HSET', a.ids, m.id, sequence .. ' ' .. m.digest) end
end
redis.call('ZADD', a.sessions, a.now, a.session_id)
if #a.messages > 0 then
  redis.call('XADD', a.deltas, '*', 'owner', a.owner, 'session', a.session_id,
    'generation', generation, 'tail', #a.messages)
end
local answer = cmsgpack.pack({generation = generation, now = a.now})
remember(a.request, answer)
return {'done', answer}
"""
)

CHANGE = (
    REPLAY
    + """
-- Set fields of a session, if those that `seen` names are still what the change was made from.
local a = cmsgpack.unpack(ARGV[1])
local again = replayed(a.request)
if again then return again end

local s = redis.call('HMGET', a.session, 'generation', 'version')
if not s[1] then return {'not_found'} end
local etag = string.format('%x-%x', tonumber(s[1]), tonumber(s[2]))
if a.etag ~= '' and a.etag ~= etag then return {'etag_mismatch'} end
for name, value in pairs(a.seen) do
  if (redis.call('HGET', a.session, name) or '') ~= value then return {'moved'} end
end

redis.call('HSET', a.session, unpack(a.fields))
if a.active then redis.call('ZADD', a.sessions, a.active, a.session_id) end
if a.notice then redis.call('XADD', a.deltas, '*', unpack(a.notice)) end
remember(a.request, a.answer)
return {'done', a.answer}
"""
)


class SessionScripts:
    """The scripts, loaded into one connection pool."""

    def __init__(self, redis: Redis) -> None:
        self._put = redis.register_script(PUT)
        self._change = redis.register_script(CHANGE)

    async def put(self, keys: Sequence[str], argument: Mapping[str, Any]) -> Reply:
        """Return done | replayed (a packed answer), request_id_reused, etag_mismatch or
        not_extracted.
        """
        return await run_script(self._put, keys, argument)

    async def change(self, keys: Sequence[str], argument: Mapping[str, Any]) -> Reply:
        """Return done | replayed (the answer), request_id_reused, not_found, etag_mismatch or
        moved.
        """
        return await run_script(self._change, keys, argument)


def routed_keys(argument: Mapping[str, Any]) -> list[str]:
    """Return the keys among a script's arguments, for a cluster to route by."""
    names = ("session", "log", "ids", "sessions", "state", "deltas")
    keys = [argument[name] for name in names if name in argument]
    return keys + ([argument["request"]["key"]] if argument["request"] else [])


_REFUSALS = {
    "request_id_reused": RequestIdReused,
    "not_found": SessionNotFound,
    "etag_mismatch": EtagMismatch,
    "not_extracted": NotExtracted,
}


def raise_refusal(reply: Reply) -> None:
    """Raise what a script about a session says, if it refused."""
    if refusal := _REFUSALS.get(reply.status):
        raise refusal
