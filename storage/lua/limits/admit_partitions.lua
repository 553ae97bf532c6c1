#!lua flags=allow-oom
-- Decide which (environment, release) pairs of a project may have a partition of their own.
--
-- A pair that sent nothing for a while is no longer live, and makes room when other pairs need it: a clock that is
-- ahead for a moment does not take the places of pairs that send.
--
-- KEYS: the live pairs (sorted set by the time of their last report; members are JSON, ["environment","release"]),
-- the first environments to be live (likewise), how many pairs came to live in this hour.
-- ARGV: the time of receipt (ms), how long a pair lives (ms), most pairs, most environments, most new pairs in an
-- hour, for how long the new pairs of an hour are remembered (s), the drainer's clock (ms), by how much clocks may
-- differ (ms), then the pairs.
-- Returns for each pair an empty string where it is admitted, else "=" and the environment under which its reports
-- are kept: the pair's own if that is among the first, else the empty one.
local pairs_key, environments_key, hour_key = KEYS[1], KEYS[2], KEYS[3]
local now, most = tonumber(ARGV[1]), tonumber(ARGV[3])
local most_environments, most_new = tonumber(ARGV[4]), tonumber(ARGV[5])
local later = math.max(now, tonumber(ARGV[7]), redis.call('TIME')[1] * 1000) + tonumber(ARGV[8])
-- A pair that sent last while the clock was ahead does not live longer because of that.
for _, key in ipairs({pairs_key, environments_key}) do
  for _, member in ipairs(redis.call('ZRANGEBYSCORE', key, '(' .. string.format('%.0f', later), '+inf')) do
    redis.call('ZADD', key, now, member)
  end
end

local function known(key, member)
  if not redis.call('ZSCORE', key, member) then return false end
  redis.call('ZADD', key, 'GT', now, member)
  return true
end

-- Returns whether a set has a place left; members that are no longer live make room first, as far as they must.
local function has_url(key, places)
  local over = redis.call('ZCARD', key) - places + 1
  if over > 0 then
    local gone = string.format('%.0f', now - tonumber(ARGV[2]))
    for _, member in ipairs(redis.call('ZRANGEBYSCORE', key, '-inf', gone, 'LIMIT', 0, over)) do
      over = over - redis.call('ZREM', key, member)
    end
  end
  return over <= 0
end

local came = tonumber(redis.call('GET', hour_key) or 0)
local before = came
local function has_room()
  return came < most_new and has_url(pairs_key, most)
end

local answers = {}
for i = 9, #ARGV do
  local pair, answer = ARGV[i], ''
  local environment = cjson.decode(pair)[1]
  local is_live = known(pairs_key, pair)
  if not is_live and has_room() then
    redis.call('ZADD', pairs_key, now, pair)
    came, is_live = came + 1, true
  end
  local is_first = known(environments_key, environment)
  if is_live and not is_first and has_url(environments_key, most_environments) then
    redis.call('ZADD', environments_key, now, environment)
  end
  if not is_live then answer = '=' .. (is_first and environment or '') end
  answers[#answers + 1] = answer
end
if came > before then redis.call('SET', hour_key, came, 'EX', ARGV[6]) end
return answers
