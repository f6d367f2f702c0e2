"""The Lua of the scripts that write sessions; session_scripts.py says what they answer."""

from __future__ import annotations

from memory_service.store.scripts import ACCOUNTS, REPLAY

SESSION = (
    REPLAY
    + ACCOUNTS
    + """
local NAMES = {'generation', 'version', 'created', 'updated', 'tail', 'cursor', 'failed_ranges',
  'given_tail', 'given_cursor', 'ttl', 'strategy', 'unsearchable'}
local OPTIONS = {'ttl', 'strategy', 'unsearchable'}

local function read(key)
  -- The session at key by the names of its fields, or nil.
  local values = redis.call('HMGET', key, unpack(NAMES))
  if not values[1] then return nil end
  local s = {}
  for i, name in ipairs(NAMES) do s[name] = values[i] or '' end
  s.etag = string.format('%x-%x', tonumber(s.generation), tonumber(s.version))
  return s
end

local function matches(etag, s)
  return etag == '' or (s ~= nil and etag == s.etag)
end

local function failed(s)
  -- The ranges of messages that failed, those that wait to be extracted again included.
  return s.failed_ranges ~= '' and cmsgpack.unpack(s.failed_ranges) or {}
end

local function extracted(s)
  -- Whether nothing of a session waits: to be extracted, for the first time or again, or promoted.
  if s.tail ~= s.cursor or s.given_tail ~= s.given_cursor then return false end
  for _, range in ipairs(failed(s)) do
    if range[5] then return false end
  end
  return true
end

local function unextracted(s)
  -- How many messages have not been extracted, be it that they failed.
  local number = tonumber(s.tail) - tonumber(s.cursor)
  for _, range in ipairs(failed(s)) do number = number + range[2] - range[1] + 1 end
  return number
end

local function expires(updated, ttl)
  -- When it expires, in microseconds, or nil; a double holds them exactly.
  return ttl ~= '' and tonumber(updated) + tonumber(ttl) or nil
end

local function mark(a, when)
  -- Note when the session expires.
  if when then redis.call('ZADD', a.expiry, string.format('%.0f', when), a.session)
  else redis.call('ZREM', a.expiry, a.session) end
end

local function touched(a, updated, ttl)
  -- The session was changed by a caller.
  redis.call('ZADD', a.sessions, updated, a.session_id)
  mark(a, expires(updated, ttl))
end

local function grown(a, bytes)
  -- Count the bytes of messages that were added to the session.
  if bytes > 0 then redis.call('HINCRBY', a.session, 'bytes', bytes) end
  account(a, 0, bytes, 0)
end

local function wipe(a)
  local old = redis.call('HMGET', a.session, 'generation', 'bytes')
  -- First what makes room: a Redis without any refuses a count as a script's first write.
  redis.call('DEL', a.session, a.log, a.ids, a.given)
  if old[1] then account(a, 0, -tonumber(old[2] or '0'), -1) end
end

local function keep(a, options)
  -- Say how the session is kept.
  for _, name in ipairs(OPTIONS) do redis.call('HSET', a.session, name, options[name] or '') end
end

local function kept_so(s, options)
  -- Whether the session is kept so.
  for _, name in ipairs(OPTIONS) do
    if s[name] ~= options[name] then return false end
  end
  return true
end

local function begin(a, options)
  -- Make the session, as a new generation, and return the generation.
  account(a, 0, 0, 1)
  local generation = tostring(redis.call('HINCRBY', a.state, 'generation', 1))
  redis.call('HSET', a.session, 'generation', generation, 'version', '0', 'created', a.now,
    'updated', a.now, 'tail', '0', 'cursor', '0')
  keep(a, options)
  return generation
end

local function give(a, tail)
  -- Put memories into the session after its last one, and return the number of the last.
  for _, memory in ipairs(a.memories) do
    tail = tail + 1
    redis.call('XADD', a.given, string.format('%d-0', tail), 'memory', memory)
  end
  if #a.memories > 0 then redis.call('HSET', a.session, 'given_tail', tail) end
  return tail
end

local function note(a, fields)
  -- Add a notice, and where in a trace whoever goes on with it belongs.
  if a.trace then
    table.insert(fields, 'trace')
    table.insert(fields, a.trace)
  end
  redis.call('XADD', a.deltas, '*', unpack(fields))
end

local function notify(a, generation, tail, given)
  note(a, {'owner', a.owner, 'session', a.session_id,
    'generation', generation, 'tail', tail, 'given', given})
end
"""
)

APPEND = (
    SESSION
    + """
-- Append messages and memories to a session, note them for extraction, and remember the answer.
local a = cmsgpack.unpack(ARGV[1])
local again = replayed(a.request)
if again then return again end

local s = read(a.session)
if not matches(a.etag, s) then return {'etag_mismatch'} end

-- Look before writing: a script has no way back.
local known = {}
local seen_here = {}
for i, m in ipairs(a.messages) do
  if m.id ~= '' then
    local earlier = redis.call('HGET', a.ids, m.id) or seen_here[m.id]
    if earlier then
      local sequence, digest = string.match(earlier, '^(%d+) (.*)$')
      if digest ~= m.digest and digest ~= m.imported_digest then
        return {'message_id_reused', tostring(i - 1)}
      end
      known[i] = sequence
    else
      seen_here[m.id] = '0 ' .. m.digest
    end
  end
end
local given = s and tonumber(s.given_tail) or 0
local waiting = given - (s and tonumber(s.given_cursor) or 0)
if #a.memories > 0 and waiting + #a.memories > a.most_waiting then return {'too_many_waiting'} end

local bytes = 0
for i, m in ipairs(a.messages) do
  if not known[i] then bytes = bytes + #m.body end
end
-- Memories come of messages: who may have no more, may say no more.
local limit = over(a, 1, bytes, s and 0 or 1)
if limit then return {'quota_exceeded', limit} end

local changed = not s
if not s then
  begin(a, {})
  s = read(a.session)
end
if a.options and not kept_so(s, a.options) then
  keep(a, a.options)
  s.ttl = a.options.ttl
  changed = true
end

local ids = {}
local placed = {}
local tail = tonumber(s.tail)
for i, m in ipairs(a.messages) do
  local sequence = known[i]
  if sequence == '0' then sequence = placed[m.id] end
  if not sequence then
    tail = tail + 1
    sequence = string.format('%d', tail)
    redis.call('XADD', a.log, sequence .. '-0', 'message', m.body)
    if m.id ~= '' then
      redis.call('HSET', a.ids, m.id, sequence .. ' ' .. m.digest)
      placed[m.id] = sequence
    end
  end
  ids[i] = m.id ~= '' and m.id or sequence
end
given = give(a, given)
grown(a, bytes)

local added = tail > tonumber(s.tail) or #a.memories > 0
if added or changed then
  redis.call('HSET', a.session, 'version', tonumber(s.version) + 1, 'tail', tail,
    'updated', a.now)
  touched(a, a.now, s.ttl)
end
if added then notify(a, s.generation, tail, given) end
local state = redis.call('HMGET', a.session, unpack(a.returned))
for i, value in ipairs(state) do state[i] = value or '' end
local answer = cmsgpack.pack({ids, state})
remember(a.request, answer)
return {'done', answer}
"""
)

CREATE = (
    SESSION
    + """
-- Make a session if there is none.
local a = cmsgpack.unpack(ARGV[1])
if redis.call('EXISTS', a.session) == 1 then return {'done', ''} end
local limit = over(a, 0, 0, 1)
if limit then return {'quota_exceeded', limit} end
begin(a, a.options)
redis.call('HSET', a.session, 'version', '1')
touched(a, a.now, a.options.ttl)
return {'done', ''}
"""
)

PUT = (
    SESSION
    + """
-- Replace a session by a new generation of it, if nothing of the old one is left to extract.
local a = cmsgpack.unpack(ARGV[1])
local again = replayed(a.request)
if again then return again end

local s = read(a.session)
if not matches(a.etag, s) then return {'etag_mismatch'} end
if s and not extracted(s) then return {'not_extracted'} end
local bytes = 0
for _, m in ipairs(a.messages) do bytes = bytes + #m.body end
local before = s and tonumber(redis.call('HGET', a.session, 'bytes') or '0') or 0
local limit = over(a, 1, bytes - before, s and 0 or 1)
if limit then return {'quota_exceeded', limit} end

wipe(a)
local generation = begin(a, a.options)
redis.call('HSET', a.session, 'version', '1', 'tail', #a.messages, unpack(a.notes))
for i, m in ipairs(a.messages) do
  local sequence = string.format('%d', i)
  redis.call('XADD', a.log, sequence .. '-0', 'message', m.body)
  if m.id ~= '' then redis.call('HSET', a.ids, m.id, sequence .. ' ' .. m.digest) end
end
local given = give(a, 0)
grown(a, bytes)
touched(a, a.now, a.options.ttl)
if #a.messages + given > 0 then notify(a, generation, #a.messages, given) end
local answer = cmsgpack.pack({generation = generation, now = a.now})
remember(a.request, answer)
return {'done', answer}
"""
)

CHANGE = (
    SESSION
    + """
-- Set fields of a session, if those that `seen` names are still what the change was made from.
local a = cmsgpack.unpack(ARGV[1])
local again = replayed(a.request)
if again then return again end

local s = read(a.session)
if not s then return {'not_found'} end
if not matches(a.etag, s) then return {'etag_mismatch'} end
for name, value in pairs(a.seen) do
  if (redis.call('HGET', a.session, name) or '') ~= value then return {'moved'} end
end

redis.call('HSET', a.session, unpack(a.fields))
if a.active then touched(a, a.active, s.ttl) end
if a.notice then note(a, a.notice) end
remember(a.request, a.answer)
return {'done', a.answer}
"""
)

DELETE = (
    SESSION
    + """
-- Delete a session with its log; notices of it that are left are dropped when they are read.
local a = cmsgpack.unpack(ARGV[1])
local again = replayed(a.request)
if again then return again end

local s = read(a.session)
if not s then
  redis.call('ZREM', a.expiry, a.session)
  return {'not_found'}
end
if not matches(a.etag, s) then return {'etag_mismatch'} end
local when = expires(s.updated, s.ttl)
if a.due and not (when and when <= a.due) then
  mark(a, when)
  return {'not_due'}
end
if a.only_if_extracted and not extracted(s) then return {'not_extracted'} end

wipe(a)
redis.call('ZREM', a.sessions, a.session_id)
redis.call('ZREM', a.expiry, a.session)
local answer = cmsgpack.pack({deleted = tonumber(s.tail), unextracted = unextracted(s)})
remember(a.request, answer)
return {'done', answer}
"""
)
