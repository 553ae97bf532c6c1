#!lua flags=allow-oom
-- Take the lease of a shard, if it is free, with a fencing token higher than any before.
-- KEYS: lease, fence, bounds. ARGV: time to live in ms.
-- Returns false when somebody holds it, else {token, bounds of the unfinished batch or false}.
if redis.call('EXISTS', KEYS[1]) == 1 then
  return false
end
local token = redis.call('INCR', KEYS[2])
redis.call('SET', KEYS[1], token, 'PX', ARGV[1])
return {token, redis.call('GET', KEYS[3])}
