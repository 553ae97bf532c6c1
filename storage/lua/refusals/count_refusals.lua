#!lua
-- Add the refusals of an edge to those that wait for maintenance. A flush that arrives again is added once, also
-- where a later flush came in between.
-- KEYS: the waiting refusals (hash), the last flush of this edge.
-- ARGV: the number of the flush, for how long it is remembered (s), then the field and the amount of each count.
-- Returns 1, or 0 where the flush was added before.
local last = redis.call('GET', KEYS[2])
if last and tonumber(last) >= tonumber(ARGV[1]) then
  return 0
end
for i = 3, #ARGV, 2 do
  redis.call('HINCRBY', KEYS[1], ARGV[i], ARGV[i + 1])
end
redis.call('SET', KEYS[2], ARGV[1], 'EX', ARGV[2])
return 1
