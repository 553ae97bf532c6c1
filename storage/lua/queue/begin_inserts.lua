#!lua flags=allow-oom
-- Prolong the lease and note that the inserts of the bound batch begin: from here on the batch may not be cut anew.
-- KEYS: the lease, the fence, the note that inserts began. ARGV: the drainer's token, how long the lease lasts (ms).
-- Returns 1, or 0 where there is a newer drainer.
if redis.call('GET', KEYS[2]) ~= ARGV[1] then
  return 0
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
redis.call('SET', KEYS[3], 1)
return 1
