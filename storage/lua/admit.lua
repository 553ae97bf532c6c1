#!lua flags=allow-oom
-- Decide which (environment, release) pairs of a project may have a partition of their own.
-- What sent nothing for a while is no longer live and makes room.
-- KEYS: live pairs (members are JSON: ["environment","release"]); the first environments to be live; how many
-- pairs came to live in this hour.
-- ARGV: time of receipt in ms, life in ms, most pairs, most environments, most new pairs in an hour, seconds to
-- remember these for, then the pairs.
-- Returns for each pair an empty string (admitted), or the environment under which it overflows as
-- "=environment": its own if that is among the first, else the empty one.
local pairs_key, environments_key, hour_key = KEYS[1], KEYS[2], KEYS[3]
local now, most, most_environments, most_new = tonumber(ARGV[1]), tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
for _, key in ipairs({pairs_key, environments_key}) do
  redis.call('ZREMRANGEBYSCORE', key, '-inf', now - tonumber(ARGV[2]))
end

local function known(key, member)
  if not redis.call('ZSCORE', key, member) then return false end
  redis.call('ZADD', key, 'GT', now, member)
  return true
end

local came = tonumber(redis.call('GET', hour_key) or 0)
local before = came
local function has_room()
  return came < most_new and redis.call('ZCARD', pairs_key) < most
end

local verdicts = {}
for i = 7, #ARGV do
  local pair, verdict = ARGV[i], ''
  local environment = cjson.decode(pair)[1]
  local is_live = known(pairs_key, pair)
  if not is_live and has_room() then
    redis.call('ZADD', pairs_key, now, pair)
    came, is_live = came + 1, true
  end
  local is_first = known(environments_key, environment)
  if is_live and not is_first and redis.call('ZCARD', environments_key) < most_environments then
    redis.call('ZADD', environments_key, now, environment)
  end
  if not is_live then verdict = '=' .. (is_first and environment or '') end
  verdicts[#verdicts + 1] = verdict
end
if came > before then redis.call('SET', hour_key, came, 'EX', ARGV[6]) end
return verdicts
