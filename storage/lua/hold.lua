#!lua flags=allow-oom
-- Take a lease, if it is free, with a token that no holder had before: as in acquire.lua, also where Redis forgot who
-- came last.
-- KEYS: lease, fence. ARGV: time to live in ms. Returns the token, or false when somebody holds it.
local left = redis.call('PTTL', KEYS[1])
if left > tonumber(ARGV[1]) then
  redis.call('PEXPIRE', KEYS[1], ARGV[1]) -- the clock was set back, which would prolong a dead holder's lease
end
if left ~= -2 then
  return false
end
local now = redis.call('TIME')
local last = tonumber(redis.call('GET', KEYS[2]) or 0)
local token = string.format('%.0f', math.max(last + 1, now[1] * 1000000 + now[2]))
redis.call('SET', KEYS[2], token)
redis.call('SET', KEYS[1], token, 'PX', ARGV[1])
return tonumber(token)
