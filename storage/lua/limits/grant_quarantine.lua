#!lua flags=allow-oom
-- Grant a batch as many bytes in quarantine as its project has left in each hour (of receipt).
--
-- KEYS: those of preludes/decide_once.lua, and KEYS[2]: the prefix of the project's counters.
-- ARGV: those of preludes/decide_once.lua, and ARGV[4]: bytes an hour, ARGV[5]: wants as JSON, [[hour, bytes], …],
-- ARGV[6]: for how long a counter is kept (s).
-- Returns false where there is a newer drainer, else JSON: [[hour, bytes granted], …].
local superseded, decision = earlier_decision()
if superseded or decision then
  return not superseded and decision
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
return decide(cjson.encode(given))
