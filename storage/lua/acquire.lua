#!lua flags=allow-oom
-- Take the lease of a shard, if it is free, with a fencing token higher than any before.
-- KEYS: lease, fence, bounds, attempts, begun. ARGV: time to live in ms.
-- Returns false when somebody holds it, else {token, bounds of the unfinished batch or false, how often
-- that batch was taken up again, whether its inserts had begun}.
local left = redis.call('PTTL', KEYS[1])
if left > tonumber(ARGV[1]) then
  redis.call('PEXPIRE', KEYS[1], ARGV[1]) -- the clock was set back, which would prolong a dead holder's lease
end
if left ~= -2 then
  return false
end
local token = redis.call('INCR', KEYS[2])
redis.call('SET', KEYS[1], token, 'PX', ARGV[1])
local bounds = redis.call('GET', KEYS[3])
return {token, bounds, bounds and redis.call('INCR', KEYS[4]) or 0, redis.call('EXISTS', KEYS[5])}
