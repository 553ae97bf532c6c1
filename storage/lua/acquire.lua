#!lua flags=allow-oom
-- Take the lease of a shard, if it is free, with a fencing token higher than any before: the microseconds since
-- the epoch, or one more than the last token if that is more. A Redis that lost its last writes, was restored
-- or was emptied has forgotten who came last, but does not give his token again.
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
local now = redis.call('TIME')
local last = tonumber(redis.call('GET', KEYS[2]) or 0)
local token = string.format('%.0f', math.max(last + 1, now[1] * 1000000 + now[2]))
redis.call('SET', KEYS[2], token)
redis.call('SET', KEYS[1], token, 'PX', ARGV[1])
local bounds = redis.call('GET', KEYS[3])
return {tonumber(token), bounds, bounds and redis.call('INCR', KEYS[4]) or 0, redis.call('EXISTS', KEYS[5])}
