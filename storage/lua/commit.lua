#!lua flags=allow-oom
-- Finish a batch: drop its entries and its bounds and count it, in one step.
-- KEYS: fence, bounds, attempts, begun, stream, ledger.
-- ARGV: token, bounds, first id after the batch, then (field, amount) pairs.
-- Returns 1, or 0 when a newer holder exists or the bounds are no longer these.
if redis.call('GET', KEYS[1]) ~= ARGV[1] or redis.call('GET', KEYS[2]) ~= ARGV[2] then
  return 0
end
redis.call('XTRIM', KEYS[5], 'MINID', ARGV[3])
redis.call('DEL', KEYS[2], KEYS[3], KEYS[4])
for i = 4, #ARGV, 2 do
  redis.call('HINCRBY', KEYS[6], ARGV[i], ARGV[i + 1])
end
return 1
