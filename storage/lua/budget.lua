-- Give a batch its part of what adaptive sampling may keep of a project.
--
-- The budget of a minute (of receipt) is released second by second. What is released and not given yet is
-- shared by the shards that have reports of the project: each gets one part. A batch always gets what it must
-- keep and one report more, so that every report has a chance; that may overdraw the minute a little.
--
-- KEYS[2]: prefix of the project's counters. ARGV[4]: reports a minute, ARGV[5]: wants as JSON,
-- [[minute (s), last second of it, reports it must keep, reports], …]; ARGV[6]: seconds a counter is kept,
-- ARGV[7]: the drainer's clock (s).
-- Returns false when a newer drainer exists, else JSON: [[minute, reports to keep], …].
local superseded, ruling = remembered()
if superseded or ruling then
  return not superseded and ruling
end
local RECENT = 10
local wants, given = cjson.decode(ARGV[5]), {}
local shards, newest, now = KEYS[2] .. ':shards', 0, latest(ARGV[7])
for _, want in ipairs(wants) do
  newest = math.max(newest, math.min(want[2], now))
end
redis.call('ZREMRANGEBYSCORE', shards, '(' .. now, '+inf')
redis.call('ZADD', shards, 'GT', newest, KEYS[1])
redis.call('EXPIRE', shards, ARGV[6])
local sharing = redis.call('ZCOUNT', shards, newest - RECENT, '+inf')
for i, want in ipairs(wants) do
  local minute, last, forced, reports = unpack(want)
  local name = KEYS[2] .. ':' .. minute
  local released = tonumber(ARGV[4]) * (last - minute + 1) / 60
  local left = (released - tonumber(redis.call('GET', name) or 0)) / sharing
  local reports_kept = math.min(reports, math.max(math.floor(left), forced + 1))
  given[i] = {minute, reports_kept}
  redis.call('INCRBY', name, reports_kept)
  redis.call('EXPIRE', name, ARGV[6])
end
return remember(cjson.encode(given))
