#!lua flags=allow-oom
-- Prolong a lease. A lease that lapsed and was not acquired since is taken back; a newer token wins.
-- KEYS: the lease and its fence. ARGV: the holder's token, how long the lease lasts (ms).
-- Returns 1, or 0 where there is a newer holder.
if redis.call('GET', KEYS[2]) ~= ARGV[1] then
  return 0
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
