#!lua
-- Add an edge's refusals to those that wait; once, should the same flush arrive again, also after later ones.
-- KEYS: waiting refusals (hash), last flush of this edge.
-- ARGV: number of the flush, seconds for which it is remembered, then (field, amount) pairs.
-- Returns 1, or 0 when it was added before.
local last = redis.call('GET', KEYS[2])
if last and tonumber(last) >= tonumber(ARGV[1]) then
  return 0
end
for i = 3, #ARGV, 2 do
  redis.call('HINCRBY', KEYS[1], ARGV[i], ARGV[i + 1])
end
redis.call('SET', KEYS[2], ARGV[1], 'EX', ARGV[2])
return 1
