#!lua flags=allow-oom
-- Note which reports were counted, among those that a browser may send again. Nothing is noted where the memory is
-- full or Redis is filling up: the queue needs the room more.
-- KEYS: the retry memory of one slice of time.
-- ARGV: most reports of a memory, the percentage of maxmemory above which nothing is added, how long the memory lasts
-- (s), then pairs of a key and its value, 8 bytes each, end to end.
-- Returns 1, or 0 where nothing was added.
local memory = redis.call('INFO', 'memory')
local used = tonumber(string.match(memory, 'used_memory:(%d+)'))
local most = tonumber(string.match(memory, 'maxmemory:(%d+)'))
if redis.call('HLEN', KEYS[1]) >= tonumber(ARGV[1]) or (most > 0 and used * 100 > most * tonumber(ARGV[2])) then
  return 0
end
for at = 1, string.len(ARGV[4]), 16 do
  redis.call('HSET', KEYS[1], string.sub(ARGV[4], at, at + 7), string.sub(ARGV[4], at + 8, at + 15))
end
redis.call('EXPIRE', KEYS[1], ARGV[3])
return 1
