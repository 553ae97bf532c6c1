#!lua flags=allow-oom
-- Prolong the lease and note that the inserts of the bound batch begin: from here on the batch may not be cut anew.
--
-- When a pause was held, no stream had bounds: a batch with bounds is then of a worker of an earlier release, which
-- knows nothing of pauses, and waits.
--
-- KEYS: the lease, the fence, the note that inserts began, the lease of pauses, the note that a pause is held.
-- ARGV: the drainer's token, how long the lease lasts (ms).
-- Returns 1, 0 where there is a newer drainer, or -1 where a pause is held.
if redis.call('GET', KEYS[2]) ~= ARGV[1] then
  return 0
end
local pause = redis.call('GET', KEYS[4])
if pause and pause == redis.call('GET', KEYS[5]) then
  return -1
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
redis.call('SET', KEYS[3], 1)
return 1
