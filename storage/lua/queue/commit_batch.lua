#!lua flags=allow-oom
-- Commit a batch: drop its entries and its bounds, and add its counts to the ledger, in one step.
-- KEYS: the fence, the bounds, the attempts, the note that inserts began, the stream, the ledger.
-- ARGV: the drainer's token, the bounds, the first id after the batch, then the field and the amount of each count.
-- Returns 1, or 0 where there is a newer drainer or the bounds are not these any more.
if redis.call('GET', KEYS[1]) ~= ARGV[1] or redis.call('GET', KEYS[2]) ~= ARGV[2] then
  return 0
end
redis.call('XTRIM', KEYS[5], 'MINID', ARGV[3])
redis.call('DEL', KEYS[2], KEYS[3], KEYS[4])
for i = 4, #ARGV, 2 do
  redis.call('HINCRBY', KEYS[6], ARGV[i], ARGV[i + 1])
end
return 1
