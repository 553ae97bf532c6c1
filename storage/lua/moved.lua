#!lua flags=allow-oom
-- Drop refusals that are stored, and count the reports among them, in one step; once, whoever stored them too.
-- KEYS: refusals (hash), name of those being moved, ledger. ARGV: (field, amount) pairs.
if redis.call('GET', KEYS[2]) ~= KEYS[1] then
  return 0
end
redis.call('DEL', KEYS[1], KEYS[2])
for i = 1, #ARGV, 2 do
  redis.call('HINCRBY', KEYS[3], ARGV[i], ARGV[i + 1])
end
return 1
