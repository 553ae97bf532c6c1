#!lua flags=allow-oom
-- Prolong the lease of a pause, and note that the pause is held if no batch is under way any more.
-- KEYS: the lease, the note, then the bounds of each stream. ARGV: the holder's token, how long the lease lasts (ms).
-- Returns false where the lease was lost, else the number of each stream, from 1, whose batch is still under way.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return false
end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
local under_way = {}
for i = 3, #KEYS do
  if redis.call('EXISTS', KEYS[i]) == 1 then
    under_way[#under_way + 1] = i - 2
  end
end
if #under_way == 0 then
  redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2])
end
return under_way
