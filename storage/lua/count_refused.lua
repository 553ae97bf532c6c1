#!lua
-- Add an edge's refusals to those that wait; once, should the same ones arrive again.
-- KEYS: waiting refusals (hash), name of this flush. ARGV: seconds it is remembered, then (field, amount) pairs.
-- Returns 1, or 0 when they were added before.
if not redis.call('SET', KEYS[2], 1, 'NX', 'EX', ARGV[1]) then
  return 0
end
for i = 2, #ARGV, 2 do
  redis.call('HINCRBY', KEYS[1], ARGV[i], ARGV[i + 1])
end
return 1
