"""The only writers of Redis: Lua scripts as typed functions.

Each takes one structured argument, packed with MessagePack (it holds binary vectors as they are),
and all the keys that it touches, so that a cluster can route it. Each is atomic: it does everything
or, when a fence does not hold, nothing, and says which.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import msgpack
from redis.asyncio import Redis
from redis.commands.core import AsyncScript

from memory_service.store.connection import store_errors

REPLAY = """
local function replayed(request)
  -- A repeat of a request gets the first answer; the same id for another request is refused.
  if not request then return nil end
  local seen = redis.call('HMGET', request.key, 'hash', 'answer')
  if not seen[1] then return nil end
  if seen[1] ~= request.hash then return {'request_id_reused'} end
  return {'replayed', seen[2]}
end

local function remember(request, answer)
  if not request then return end
  redis.call('HSET', request.key, 'hash', request.hash, 'answer', answer)
  redis.call('EXPIRE', request.key, request.ttl)
end

local function extracted(tail, cursor, failed_ranges)
  -- Whether nothing of a session waits to be extracted, for the first time or again.
  if tail ~= cursor then return false end
  if (failed_ranges or '') == '' then return true end
  for _, range in ipairs(cmsgpack.unpack(failed_ranges)) do
    if range[5] then return false end
  end
  return true
end
"""

APPEND = (
    REPLAY
    + """
-- Append messages to a session, note them for extraction, and remember the answer.
local a = cmsgpack.unpack(ARGV[1])
local again = replayed(a.request)
if again then return again end

local s = redis.call('HMGET', a.session,
  'generation', 'version', 'tail', 'created', 'cursor', 'updated')
local exists = s[1]
local generation, version, tail = s[1], tonumber(s[2] or '0'), tonumber(s[3] or '0')
local etag = exists and string.format('%x-%x', tonumber(generation), version) or ''
if a.etag ~= '' and a.etag ~= etag then return {'etag_mismatch'} end

-- Look before writing: a script has no way back.
local known = {}
local seen_here = {}
for i, m in ipairs(a.messages) do
  if m.id ~= '' then
    local earlier = redis.call('HGET', a.ids, m.id) or seen_here[m.id]
    if earlier then
      local sequence, digest = string.match(earlier, '^(%d+) (.*)$')
      if digest ~= m.digest then return {'message_id_reused', tostring(i - 1)} end
      known[i] = sequence
    else
      seen_here[m.id] = '0 ' .. m.digest
    end
  end
end

if not exists then
  generation = tostring(redis.call('HINCRBY', a.state, 'generation', 1))
  redis.call('HSET', a.session, 'generation', generation, 'created', a.now, 'cursor', '0')
end
local ids = {}
local placed = {}
local appended = 0
for i, m in ipairs(a.messages) do
  local sequence = known[i]
  if sequence == '0' then sequence = placed[m.id] end
  if not sequence then
    tail = tail + 1
    appended = appended + 1
    sequence = string.format('%d', tail)
    redis.call('XADD', a.log, sequence .. '-0', 'message', m.body)
    if m.id ~= '' then
      redis.call('HSET', a.ids, m.id, sequence .. ' ' .. m.digest)
      placed[m.id] = sequence
    end
  end
  ids[i] = m.id ~= '' and m.id or sequence
end

local updated = s[6]
if appended > 0 or not exists then
  updated = a.now
  version = version + 1
  redis.call('HSET', a.session, 'version', version, 'tail', tail, 'updated', a.now)
  redis.call('ZADD', a.sessions, a.now, a.session_id)
end
if appended > 0 then
  redis.call('XADD', a.deltas, '*', 'owner', a.owner, 'session', a.session_id,
    'generation', generation, 'tail', tail)
end
local answer = cmsgpack.pack({ids = ids, tail = tail, generation = generation, version = version,
  created = exists and s[4] or a.now, updated = updated, cursor = s[5] or '0'})
remember(a.request, answer)
return {'done', answer}
"""
)

COMMIT = (
    REPLAY
    + """
-- Change an owner's memories, and with them a session's cursor, if nothing moved since the read.
local a = cmsgpack.unpack(ARGV[1])
local again = replayed(a.request)
if again then return again end

if (redis.call('HGET', a.state, 'revision') or '0') ~= a.expected_revision then
  return {'revision_moved'}
end
local session = a.session
if session then
  local s = redis.call('HMGET', session.key, 'generation', 'cursor', 'failed_ranges')
  if s[1] ~= session.generation or s[2] ~= session.cursor
      or (s[3] or '') ~= session.failed_ranges then
    return {'session_moved'}
  end
end

for _, put in ipairs(a.puts) do
  if #put.cleared > 0 then redis.call('HDEL', put.key, unpack(put.cleared)) end
  redis.call('HSET', put.key, unpack(put.fields))
  local embedded = redis.call('HEXISTS', put.key, 'vector') == 1
  redis.call(embedded and 'SREM' or 'SADD', a.unembedded, put.key)
  redis.call('PERSIST', put.history)
end
for _, earlier in ipairs(a.earlier) do
  redis.call('XADD', earlier.key, 'MAXLEN', '=', a.earlier_kept, earlier.revision .. '-0',
    unpack(earlier.fields))
end
for _, gone in ipairs(a.deletes) do
  redis.call('DEL', gone.key)
  redis.call('SREM', a.unembedded, gone.key)
  redis.call('EXPIRE', gone.history, a.deleted_kept)
end
for digest, id in pairs(a.facts) do
  if id == '' then redis.call('HDEL', a.facts_key, digest)
  else redis.call('HSET', a.facts_key, digest, id) end
end
for _, change in ipairs(a.changes) do
  redis.call('XADD', a.changes_key, 'MAXLEN', '~', a.changes_kept, change.revision .. '-0',
    'kind', change.kind, 'id', change.id, 'type', change.type)
end
if a.revision ~= a.expected_revision then
  redis.call('HSET', a.state, 'revision', a.revision, 'last_created', a.last_created)
end

if session then
  redis.call('HSET', session.key, 'cursor', session.new_cursor)
  redis.call('HSET', session.key, 'failed_ranges', session.new_failed_ranges)
  if session.dead_letter then
    redis.call('XADD', session.dead, '*', unpack(session.dead_letter))
  end
  for _, notice in ipairs(session.notices) do
    redis.call('XACK', session.deltas, session.group, notice)
    redis.call('XDEL', session.deltas, notice)
  end
end
remember(a.request, a.answer)
return {'done', a.answer}
"""
)

DELETE_SESSION = (
    REPLAY
    + """
-- Delete a session with its log; notices of it that are left are dropped when they are read.
local a = cmsgpack.unpack(ARGV[1])
local again = replayed(a.request)
if again then return again end

local s = redis.call('HMGET', a.session, 'generation', 'version', 'tail', 'cursor', 'failed_ranges')
if not s[1] then return {'not_found'} end
local etag = string.format('%x-%x', tonumber(s[1]), tonumber(s[2]))
if a.etag ~= '' and a.etag ~= etag then return {'etag_mismatch'} end
if a.only_if_extracted and not extracted(s[3], s[4], s[5]) then return {'not_extracted'} end

redis.call('DEL', a.session, a.log, a.ids)
redis.call('ZREM', a.sessions, a.session_id)
local messages = tonumber(s[3])
local answer = cmsgpack.pack({deleted = messages, unextracted = messages - tonumber(s[4])})
remember(a.request, answer)
return {'done', answer}
"""
)

SET_VECTOR = """
-- Give a memory its vector, if its body is still the one that the vector was made from.
local a = cmsgpack.unpack(ARGV[1])
local body = redis.call('HGET', a.key, 'body')
if body and body ~= a.body then return {'moved'} end
if body then redis.call('HSET', a.key, 'vector', a.vector, 'embedded', '1') end
redis.call('SREM', a.unembedded, a.key)
return {'done', ''}
"""

ACK = """
-- Drop notices that lead nowhere: their session is gone, or was extracted by somebody else.
local a = cmsgpack.unpack(ARGV[1])
for _, notice in ipairs(a.notices) do
  redis.call('XACK', a.deltas, a.group, notice)
  redis.call('XDEL', a.deltas, notice)
end
return {'done', ''}
"""


@dataclass(frozen=True, slots=True)
class Reply:
    """What a script answered: a word, and bytes whose meaning the word tells."""

    status: str
    value: bytes = b""


class Scripts:
    """The scripts, loaded into one connection pool; EVALSHA with EVAL as fallback."""

    def __init__(self, redis: Redis) -> None:
        self._append = redis.register_script(APPEND)
        self._commit = redis.register_script(COMMIT)
        self._delete_session = redis.register_script(DELETE_SESSION)
        self._set_vector = redis.register_script(SET_VECTOR)
        self._ack = redis.register_script(ACK)

    async def append(self, keys: Sequence[str], argument: Mapping[str, Any]) -> Reply:
        """Return done | replayed (a packed answer), request_id_reused, etag_mismatch, or
        message_id_reused (the place of the message).
        """
        return await run_script(self._append, keys, argument)

    async def commit(self, keys: Sequence[str], argument: Mapping[str, Any]) -> Reply:
        """Return done | replayed (the answer), request_id_reused, revision_moved, session_moved."""
        return await run_script(self._commit, keys, argument)

    async def delete_session(self, keys: Sequence[str], argument: Mapping[str, Any]) -> Reply:
        """Return done | replayed (a packed answer), request_id_reused, not_found, etag_mismatch or
        not_extracted.
        """
        return await run_script(self._delete_session, keys, argument)

    async def set_vector(self, keys: Sequence[str], argument: Mapping[str, Any]) -> Reply:
        """Return done or moved."""
        return await run_script(self._set_vector, keys, argument)

    async def ack(self, keys: Sequence[str], argument: Mapping[str, Any]) -> Reply:
        """Return done."""
        return await run_script(self._ack, keys, argument)


async def run_script(
    script: AsyncScript, keys: Sequence[str], argument: Mapping[str, Any]
) -> Reply:
    """Run a script with its keys and its one argument."""
    with store_errors():
        reply = cast(list[bytes], await script(keys=list(keys), args=[_pack(argument)]))
    return Reply(reply[0].decode(), *reply[1:])


def _pack(argument: Mapping[str, Any]) -> bytes:
    # Redis's cmsgpack is of before binary strings had a type of their own.
    packed: bytes = msgpack.packb(argument, use_bin_type=False)
    return packed
