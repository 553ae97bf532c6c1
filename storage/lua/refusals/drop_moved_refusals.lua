#!lua flags=allow-oom
-- Drop refusals that are stored in ClickHouse, and count the reports among them, in one step. Of several processes
-- that moved the same refusals, the first one counts them.
-- KEYS: the moved refusals (hash), the name of the hash that is being moved, the ledger.
-- ARGV: the field and the amount of each count.
-- Returns 1, or 0 where another process dropped them.
if redis.call('GET', KEYS[2]) ~= KEYS[1] then
  return 0
end
redis.call('DEL', KEYS[1], KEYS[2])
for i = 1, #ARGV, 2 do
  redis.call('HINCRBY', KEYS[3], ARGV[i], ARGV[i + 1])
end
return 1
