#!lua flags=allow-oom
-- Prolong the lease and note that the inserts of the bound batch begin: from here on it may not be cut anew.
-- KEYS: lease, fence, begun. ARGV: token, time to live in ms. Returns 1, or 0 when a newer holder exists.
if redis.call('GET', KEYS[2]) ~= ARGV[1] then
  return 0
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
redis.call('SET', KEYS[3], 1)
return 1
