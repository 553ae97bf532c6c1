#!lua flags=allow-oom
-- Note which (environment, release) pairs of a project have a partition, and which were archived.
--
-- KEYS: the live pairs, the archived pairs (sorted sets as in `admit_partitions`), the number of live pairs by project.
-- ARGV: the project, how many archived pairs are remembered, how many live pairs are added and how many archived ones,
-- then each of them as its time (ms) and the pair, then the pairs whose places are given back.
-- Returns the number of the project's live pairs.
local most, added, archived = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
for i = 5, 3 + 2 * (added + archived), 2 do
  local key = i < 5 + 2 * added and KEYS[1] or KEYS[2]
  redis.call('ZADD', key, 'GT', ARGV[i], ARGV[i + 1])
end
for i = 5 + 2 * (added + archived), #ARGV do
  redis.call('ZREM', KEYS[1], ARGV[i])
end
redis.call('ZREMRANGEBYRANK', KEYS[2], 0, -most - 1)
local live = redis.call('ZCARD', KEYS[1])
if live == 0 and redis.call('EXISTS', KEYS[2]) == 0 then
  redis.call('HDEL', KEYS[3], ARGV[1])
else
  redis.call('HSET', KEYS[3], ARGV[1], live)
end
return live
