#!lua flags=allow-oom
-- Acquire the lease of a stream for a drainer, if it is free, and say what an earlier drainer left unfinished.
-- KEYS: the lease, the fence, the bounds of the batch under work, its attempts, and the note that its inserts began.
-- ARGV: how long the lease lasts (ms).
-- Returns false where another drainer holds the lease, else {token, the bounds of the unfinished batch or false,
-- how often that batch was taken up again, 1 if its inserts had begun}.
local token = take_lease(KEYS[1], KEYS[2], ARGV[1])
if not token then
  return false
end
local bounds = redis.call('GET', KEYS[3])
return {token, bounds, bounds and redis.call('INCR', KEYS[4]) or 0, redis.call('EXISTS', KEYS[5])}
