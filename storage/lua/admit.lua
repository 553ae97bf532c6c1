#!lua flags=allow-oom
-- Decide which (environment, release) pairs of a project may have a partition of their own.
-- A pair that sent nothing for a while is no longer live and makes room.
-- KEYS: live pairs. ARGV: time of receipt in ms, life of a pair in ms, most pairs, then the pairs.
-- Returns for each pair 1 (admitted) or 0 (beyond the limit).
local now, verdicts = tonumber(ARGV[1]), {}
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - tonumber(ARGV[2]))
for i = 4, #ARGV do
  local admitted = redis.call('ZSCORE', KEYS[1], ARGV[i])
    or redis.call('ZCARD', KEYS[1]) < tonumber(ARGV[3])
  if admitted then
    redis.call('ZADD', KEYS[1], 'GT', now, ARGV[i])
  end
  verdicts[#verdicts + 1] = admitted and 1 or 0
end
return verdicts
