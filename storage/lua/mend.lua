#!lua flags=allow-oom
-- Bring an empty stream whose ids are ahead of the clock back to it.
--
-- The clock will pass through the milliseconds that its ids were ahead. So that no id is ever given twice, the
-- ids of all streams are in a new generation from now on: sequence numbers of their own, see entry.lua.
--
-- KEYS: stream, bounds of the batch under work, generation of ids.
-- ARGV: another clock than Redis' (ms), by how much a stream may be ahead (ms), '1' to mend it.
-- Returns {by how much the stream is ahead (ms), 0 if it is not; whether it was mended}.
local GENERATION = 4294967296

local time = redis.call('TIME')
local now = math.max(time[1] * 1000 + math.floor(time[2] / 1000), tonumber(ARGV[1]))
local entries = redis.call('XLEN', KEYS[1])

local function last_id()
  if entries > 0 then
    local later = string.format('%.0f', now + tonumber(ARGV[2]))
    if #redis.call('XRANGE', KEYS[1], later, '+', 'COUNT', 1) == 0 then
      return '0'
    end
    return redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1][1]
  end
  if redis.call('EXISTS', KEYS[1]) == 1 then
    local facts = redis.call('XINFO', 'STREAM', KEYS[1])
    for i = 1, #facts, 2 do
      if facts[i] == 'last-generated-id' then
        return facts[i + 1]
      end
    end
  end
  return '0'
end

local ahead = tonumber(string.match(last_id(), '^%d+')) - now
if ahead <= tonumber(ARGV[2]) then
  return {0, 0}
end
if entries > 0 or ARGV[3] ~= '1' or redis.call('EXISTS', KEYS[2]) == 1 then
  return {string.format('%.0f', ahead), 0}
end
local generation = redis.call('INCR', KEYS[3])
redis.call('XSETID', KEYS[1], string.format('%.0f-%.0f', now, generation * GENERATION))
return {string.format('%.0f', ahead), 1}
