#!lua flags=allow-oom
-- Write the bounds of a batch before its work begins.
-- KEYS: fence, bounds, attempts, begun. ARGV: token, bounds. Returns 1, or 0 when a newer holder exists.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return 0
end
redis.call('SET', KEYS[2], ARGV[2])
redis.call('DEL', KEYS[3], KEYS[4])
return 1
