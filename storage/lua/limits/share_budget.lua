#!lua flags=allow-oom
-- Give a batch its part of the reports that adaptive sampling may keep of a project.
--
-- The budget of a minute (of receipt) is released second by second. The part that is released and not given yet is
-- shared by the streams that have reports of the project: each gets an equal part. A batch always gets the reports
-- that it must keep and one more, so that every report has a chance; that may overdraw the minute a little.
--
-- KEYS: those of preludes/decide_once.lua, and KEYS[2]: the prefix of the project's counters.
-- ARGV: those of preludes/decide_once.lua, and ARGV[4]: reports a minute, ARGV[5]: wants as JSON, [[minute (s), last
-- second of it, reports that must be kept, reports], …], ARGV[6]: for how long a counter is kept (s),
-- ARGV[7]: the drainer's clock (s).
-- Returns false where there is a newer drainer, else JSON: [[minute, reports to keep], …].
local superseded, decision = earlier_decision()
if superseded or decision then
  return not superseded and decision
end
local RECENT = 10
local wants, given = cjson.decode(ARGV[5]), {}
local streams, newest, now = KEYS[2] .. ':shards', 0, latest(ARGV[7])
for _, want in ipairs(wants) do
  newest = math.max(newest, math.min(want[2], now))
end
redis.call('ZREMRANGEBYSCORE', streams, '(' .. now, '+inf')
redis.call('ZADD', streams, 'GT', newest, KEYS[1])
redis.call('EXPIRE', streams, ARGV[6])
local sharing = redis.call('ZCOUNT', streams, newest - RECENT, '+inf')
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
return decide(cjson.encode(given))
