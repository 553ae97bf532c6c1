-- Grant a batch as many bytes in quarantine as its project has left in each hour (of receipt).
--
-- KEYS[2]: prefix of the project's counters. ARGV[4]: bytes an hour, ARGV[5]: wants as JSON, [[hour, bytes], …];
-- ARGV[6]: seconds a counter is kept.
-- Returns false when a newer drainer exists, else JSON: [[hour, granted], …].
local superseded, ruling = remembered()
if superseded or ruling then
  return not superseded and ruling
end
local most, given = tonumber(ARGV[4]), {}
for i, want in ipairs(cjson.decode(ARGV[5])) do
  local hour, bytes = unpack(want)
  local name = KEYS[2] .. ':' .. hour
  local granted = math.max(0, math.min(bytes, most - tonumber(redis.call('GET', name) or 0)))
  if granted > 0 then
    redis.call('INCRBY', name, granted)
    redis.call('EXPIRE', name, ARGV[6])
  end
  given[i] = {hour, granted}
end
return remember(cjson.encode(given))
