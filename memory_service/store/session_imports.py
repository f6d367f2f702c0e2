"""Write sessions that are imported: as often as one likes, what is there stays as it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgpack
from redis.asyncio import Redis

from memory_service.domain.limits import UNLIMITED, Quota
from memory_service.domain.session import Message, NewMessage
from memory_service.domain.transfer import Counts, SessionHead, Waiting
from memory_service.store import given, messages, session_records
from memory_service.store.accounts import refuse_over_quota
from memory_service.store.scripts import run_script
from memory_service.store.session_lua import SESSION
from memory_service.store.session_scripts import routed_keys, session_argument

IMPORT = (
    SESSION
    + """
-- Write records of a session: all that go on where it ends, until one does not.
local a = cmsgpack.unpack(ARGV[1])
local records = #a.memories + #a.messages + (a.begins and 1 or 0)
local imported, duplicates = 0, 0

local function answer(generation)
  local conflicts = records - imported - duplicates
  return {'done', cmsgpack.pack({generation, imported, duplicates, conflicts})}
end

local function same(s)
  local kept = redis.call('HMGET', a.session, 'data', 'context')
  return s.created == a.created and kept_so(s, a.options)
    and (kept[1] or '') == a.data and (kept[2] or '') == a.context
end

local function body(key, number, field)
  -- What is at this place of a stream, or nil.
  local entry = redis.call('XRANGE', key, number .. '-0', number .. '-0')[1]
  if not entry then return nil end
  for i = 1, #entry[2], 2 do if entry[2][i] == field then return entry[2][i + 1] end end
end

local s = read(a.session)
local coming = 0
for _, m in ipairs(a.messages) do
  if not s or m.sequence > tonumber(s.tail) then coming = coming + #m.body end
end
local limit = over(a, 0, coming, (a.begins and not s) and 1 or 0)
if limit then return {'quota_exceeded', limit} end
local made = false
if a.begins and not s then
  begin(a, a.options)
  redis.call('HSET', a.session, 'created', a.created, 'updated', a.updated, 'data', a.data,
    'context', a.context)
  s = read(a.session)
  touched(a, s.updated, s.ttl)
  made = true
  imported = 1
elseif a.begins then
  if not same(s) then return answer('') end
  duplicates = 1
elseif not s or s.generation ~= a.generation then
  return answer('')
end

local fits = true
local waiting = tonumber(s.given_tail) or 0
for i, memory in ipairs(a.memories) do
  local number = a.first_memory + i - 1
  if number <= waiting then
    -- What has been promoted meanwhile is not there any more.
    local there = body(a.given, number, 'memory')
    fits = there == nil or there == memory
    if fits then duplicates = duplicates + 1 end
  elseif number == waiting + 1 then
    waiting = number
    redis.call('XADD', a.given, number .. '-0', 'memory', memory)
    redis.call('HSET', a.session, 'given_tail', number)
    imported = imported + 1
  else
    fits = false
  end
  if not fits then break end
end

local before = tonumber(s.tail)
local tail = before
local bytes = 0
if fits then
  for _, m in ipairs(a.messages) do
    local there = m.sequence <= tail and body(a.log, m.sequence, 'message')
    if there and there == m.body then
      duplicates = duplicates + 1
    elseif m.sequence == tail + 1 and (m.id == '' or redis.call('HEXISTS', a.ids, m.id) == 0) then
      tail = m.sequence
      bytes = bytes + #m.body
      redis.call('XADD', a.log, tail .. '-0', 'message', m.body)
      if m.id ~= '' then redis.call('HSET', a.ids, m.id, tail .. ' ' .. m.digest) end
      imported = imported + 1
    else
      fits = false
      break
    end
  end
end

grown(a, bytes)
if made or tail > before or waiting > (tonumber(s.given_tail) or 0) then
  local cursor = math.max(tonumber(s.cursor), math.min(a.extracted, tail))
  redis.call('HSET', a.session, 'version', tonumber(s.version) + 1, 'tail', tail,
    'cursor', cursor)
  if tail >= a.last and (made or before < a.last) then
    -- The session is whole: what is said of all its messages is true now.
    redis.call('HSET', a.session, 'summary', a.summary, 'summarized', a.summarized)
    if s.failed_ranges == '' then
      redis.call('HSET', a.session, 'failed_ranges', a.failed_ranges)
    end
  end
  if tonumber(a.updated) > tonumber(s.updated) then
    redis.call('HSET', a.session, 'updated', a.updated)
    touched(a, a.updated, s.ttl)
  end
  if not extracted(read(a.session)) then notify(a, s.generation, tail, waiting) end
end
return answer(fits and s.generation or '')
"""
)


@dataclass(frozen=True, slots=True)
class SessionRun:
    """Records of one session that follow each other.

    `begins`: the first of them is the session itself. Else it is of `generation` here, and
    `memories_before` waiting memories of the session were before these.
    """

    head: SessionHead
    begins: bool
    generation: str = ""
    memories_before: int = 0
    memories: tuple[Waiting, ...] = ()
    messages: tuple[Message, ...] = ()


@dataclass(frozen=True, slots=True)
class Written:
    """What became of a run; `generation` is empty if what follows of the session is to be left."""

    generation: str
    counts: Counts


class SessionImports:
    """The script, loaded into one connection pool."""

    def __init__(self, redis: Redis, quota: Quota = UNLIMITED) -> None:
        """`quota` is what an owner may have."""
        self._limits = quota.limits
        self._import = redis.register_script(IMPORT)

    async def write(self, run: SessionRun, *, now: int) -> Written:
        """Write what is not there of a run, up to the first record that does not fit.

        Raises QuotaExceeded.
        """
        session, notes, summary = run.head.session, run.head.notes, run.head.summary
        argument: dict[str, Any] = {
            **session_argument(session.ref),
            "quota": self._limits,
            "begins": run.begins,
            "generation": run.generation,
            "now": str(now),
            "created": str(session.created),
            "updated": str(session.updated),
            "options": session_records.encode_options(session.options),
            **session_records.encode_notes(notes),
            "extracted": session.cursor,
            "last": session.tail,
            "failed_ranges": session_records.encode_failed(session.failed_ranges),
            "summary": summary.text,
            "summarized": str(summary.through) if summary.through else "",
            "first_memory": run.memories_before + 1,
            "memories": [given.encode(waiting.memory) for waiting in run.memories],
            "messages": [_message(message) for message in run.messages],
        }
        reply = await run_script(self._import, routed_keys(argument), argument)
        refuse_over_quota(reply)
        generation, imported, duplicates, conflicts = msgpack.unpackb(reply.value)
        total = imported + duplicates + conflicts
        return Written(generation, Counts(total, duplicates, conflicts))


def _message(message: Message) -> dict[str, Any]:
    new = NewMessage(
        id="" if message.id == str(message.sequence) else message.id,
        role=message.role,
        name=message.name,
        content=message.content,
        created=message.created,
        tool_calls=message.tool_calls,
        tool_call_id=message.tool_call_id,
        metadata=message.metadata,
        time_zone=message.time_zone,
    )
    return {
        "sequence": message.sequence,
        "id": new.id,
        "body": messages.encode(new),
        "digest": messages.imported_digest(new),
    }
