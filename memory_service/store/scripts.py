"""The writers of memories and of the queue: Lua scripts as typed functions; see session_scripts.py.

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
"""

ACCOUNTS = """
local function account(a, memories, bytes, sessions)
  -- Count what the owner, and its tenant in this partition, have from now on, more or less.
  local more = {memories = memories, bytes = bytes, sessions = sessions}
  for name, count in pairs(more) do
    if count ~= 0 then
      redis.call('HINCRBY', a.state, name, string.format('%.0f', count))
      redis.call('HINCRBY', a.usage, name, string.format('%.0f', count))
    end
  end
end

local function over(a, memories, bytes, sessions)
  -- Name the limit of the owner that so much more would pass, or nil.
  local more = {memories = memories, bytes = bytes, sessions = sessions}
  for name, most in pairs(a.quota) do
    local has = tonumber(redis.call('HGET', a.state, name) or '0')
    if more[name] > 0 and has + more[name] > most then return name end
  end
  return nil
end
"""

VECTORS = """
local function drop_vectors(key, kept)
  -- Drop a memory's vectors in all spaces, or in all but the one with this tag.
  for _, name in ipairs(redis.call('HKEYS', key)) do
    local field, tag = string.match(name, '^(%a+):?(%x*)$')
    if (field == 'vector' or field == 'embedded') and tag ~= kept then
      redis.call('HDEL', key, name)
    end
  end
end
"""

COMMIT = (
    REPLAY
    + VECTORS
    + ACCOUNTS
    + """
-- Change an owner's memories, and with them a session's cursor, if nothing moved since the read.
local a = cmsgpack.unpack(ARGV[1])
local again = replayed(a.request)
if again then return again end

local job = a.job
if job then
  local hash = redis.call('HGET', job.key, 'hash')
  if hash and hash ~= a.request.hash then return {'request_id_reused'} end
end

if (redis.call('HGET', a.state, 'revision') or '0') ~= a.expected_revision then
  return {'revision_moved'}
end
for _, gone in ipairs(a.deletes) do
  if gone.used and (redis.call('ZSCORE', a.used_key, gone.id) or '') ~= gone.used then
    return {'revision_moved'}
  end
end
local session = a.session
if session then
  local found = redis.call('HMGET', session.key, unpack(session.fence))
  for i, value in ipairs(session.expected) do
    if (found[i] or '') ~= value then return {'session_moved'} end
  end
  -- A Redis that failed over may have lost the end of what was read: whatever takes its place would
  -- lie behind the cursor, and never be extracted.
  local tails = redis.call('HMGET', session.key, 'tail', 'given_tail')
  if session.cursor > tonumber(tails[1] or '0') or
      session.given_cursor > tonumber(tails[2] or '0') then
    return {'session_moved'}
  end
end

local memories, bytes = 0, 0
for _, put in ipairs(a.puts) do
  local before = redis.call('HSTRLEN', put.key, 'body')
  if before == 0 then memories = memories + 1 end
  bytes = bytes + put.bytes - before
end
for _, gone in ipairs(a.deletes) do
  local before = redis.call('HSTRLEN', gone.key, 'body')
  if before > 0 then memories = memories - 1 end
  bytes = bytes - before
end
local limit = over(a, memories, bytes, 0)
if limit then return {'quota_exceeded', limit} end
account(a, memories, bytes, 0)

for _, put in ipairs(a.puts) do
  if put.new_text then drop_vectors(put.key) end
  -- First what needs memory: a Redis without any refuses a script's first write, and no later one.
  redis.call('HSET', put.key, unpack(put.fields))
  if #put.cleared > 0 then redis.call('HDEL', put.key, unpack(put.cleared)) end
  local embedded = redis.call('HEXISTS', put.key, a.vector) == 1
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
  redis.call('ZREM', a.used_key, gone.id)
  redis.call('EXPIRE', gone.history, a.deleted_kept)
end
for digest, id in pairs(a.facts) do
  if id == '' then redis.call('HDEL', a.facts_key, digest)
  else redis.call('HSET', a.facts_key, digest, id) end
end
for digest, time in pairs(a.deleted_facts) do
  if time == '' then redis.call('HDEL', a.deleted_facts_key, digest)
  else redis.call('HSET', a.deleted_facts_key, digest, time) end
end
for _, name in ipairs(a.speakers) do
  if redis.call('SCARD', a.speakers_key) < a.speakers_kept then
    redis.call('SADD', a.speakers_key, name)
  end
end
for who, number in pairs(a.known) do
  local there = redis.call('HEXISTS', a.known_key, who) == 1
  if there or (number > 0 and redis.call('HLEN', a.known_key) < a.most_known) then
    if redis.call('HINCRBY', a.known_key, who, number) <= 0 then
      redis.call('HDEL', a.known_key, who)
    end
  end
end
for id, time in pairs(a.used) do redis.call('ZADD', a.used_key, 'GT', time, id) end
for _, change in ipairs(a.changes) do
  redis.call('XADD', a.changes_key, 'MAXLEN', '~', a.changes_kept, change.revision .. '-0',
    'kind', change.kind, 'id', change.id, 'type', change.type)
end
if a.revision ~= a.expected_revision then
  redis.call('HSET', a.state, 'revision', a.revision, 'last_created', a.last_created)
end

if session then
  redis.call('HSET', session.key, unpack(session.fields))
  if session.given_after then
    redis.call('XTRIM', session.given, 'MINID', '=', session.given_after)
    if redis.call('XLEN', session.given) == 0 then redis.call('DEL', session.given) end
  end
  if session.dead_letter then
    redis.call('XADD', session.dead, '*', unpack(session.dead_letter))
  end
  for _, notice in ipairs(session.notices) do
    redis.call('XACK', session.deltas, session.group, notice)
    redis.call('XDEL', session.deltas, notice)
  end
end
if job and a.answer == '' then
  -- More is to come: the request has its answer when all is done.
  redis.call('HSET', job.key, 'hash', a.request.hash)
  redis.call('HSETNX', job.key, 'began', job.began)
  redis.call('HSETNX', job.key, 'sample', job.sample)
  redis.call('HINCRBY', job.key, 'done', #a.deletes)
  redis.call('EXPIRE', job.key, job.ttl)
else
  if job then redis.call('DEL', job.key) end
  remember(a.request, a.answer)
end
return {'done', a.answer}
"""
)

SET_VECTOR = """
-- Give a memory its vector, if its body is still the one that the vector was made from.
local a = cmsgpack.unpack(ARGV[1])
local body = redis.call('HGET', a.key, 'body')
if body and body ~= a.body then return {'moved'} end
if body then redis.call('HSET', a.key, unpack(a.fields)) end
if a.served or not body then redis.call('SREM', a.unembedded, a.key) end
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
        self._commit = redis.register_script(COMMIT)
        self._set_vector = redis.register_script(SET_VECTOR)
        self._ack = redis.register_script(ACK)

    async def commit(self, keys: Sequence[str], packed: bytes) -> Reply:
        """Return done | replayed (the answer), or why not; the argument is packed already.

        That is request_id_reused, revision_moved, session_moved, or quota_exceeded (the limit).
        """
        return await run_packed(self._commit, keys, packed)

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
    return await run_packed(script, keys, pack(argument))


async def run_packed(script: AsyncScript, keys: Sequence[str], packed: bytes) -> Reply:
    """Run a script whose argument is packed already."""
    with store_errors():
        reply = cast(list[bytes], await script(keys=list(keys), args=[packed]))
    return Reply(reply[0].decode(), *reply[1:])


def pack(argument: Mapping[str, Any]) -> bytes:
    """Return a script's argument as bytes."""
    # Redis's cmsgpack is of before binary strings had a type of their own.
    packed: bytes = msgpack.packb(argument, use_bin_type=False)
    return packed
