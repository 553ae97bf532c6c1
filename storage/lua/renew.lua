#!lua flags=allow-oom
-- Prolong the lease. A lapsed lease that nobody took is taken back; a newer token wins.
-- KEYS: lease, fence. ARGV: token, time to live in ms. Returns 1, or 0 when a newer holder exists.
if redis.call('GET', KEYS[2]) ~= ARGV[1] then
  return 0
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
