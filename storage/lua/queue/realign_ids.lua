#!lua flags=allow-oom
-- Bring an empty stream whose ids are ahead of the clock back to the clock.
--
-- The clock will pass through the milliseconds that the ids were ahead. So that no id is ever given twice, the ids of
-- all streams are of a new generation from now on: with sequence numbers of their own, see preludes/append_entry.lua.
--
-- KEYS: the stream, the bounds of the batch under work, the generation of ids.
-- ARGV: another clock than Redis' (ms), by how much a stream may be ahead (ms), '1' to bring the stream back.
-- Returns {by how much the stream is ahead (ms), or 0 if it is not; 1 if it was brought back}.
local time = redis.call('TIME')
local now = math.max(time[1] * 1000 + math.floor(time[2] / 1000), tonumber(ARGV[1]))
local entries = redis.call('XLEN', KEYS[1])

-- Returns the highest id of the stream, or a low one where it is plain that none is ahead.
local function highest_id()
  if entries == 0 then
    return last_generated_id(KEYS[1])
  end
  local later = string.format('%.0f', now + tonumber(ARGV[2]))
  if #redis.call('XRANGE', KEYS[1], later, '+', 'COUNT', 1) == 0 then
    return '0-0'
  end
  return redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1][1]
end

local ahead = tonumber(string.match(highest_id(), '^%d+')) - now
if ahead <= tonumber(ARGV[2]) then
  return {0, 0}
end
if entries > 0 or ARGV[3] ~= '1' or redis.call('EXISTS', KEYS[2]) == 1 then
  return {string.format('%.0f', ahead), 0}
end
local generation = redis.call('INCR', KEYS[3])
redis.call('XSETID', KEYS[1], string.format('%.0f-%.0f', now, generation * GENERATION))
return {string.format('%.0f', ahead), 1}
