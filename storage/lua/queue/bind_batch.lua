#!lua flags=allow-oom
-- Store the bounds of a batch before its work begins, and forget what was noted of the batch before it.
-- KEYS: the fence, the bounds, the attempts, the note that inserts began. ARGV: the drainer's token, the bounds.
-- Returns 1, or 0 where there is a newer drainer.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return 0
end
redis.call('SET', KEYS[2], ARGV[2])
redis.call('DEL', KEYS[3], KEYS[4])
return 1
