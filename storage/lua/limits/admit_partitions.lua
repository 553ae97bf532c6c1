#!lua flags=allow-oom
-- Decide which (environment, release) pairs of a project may have a partition of their own.
--
-- A pair that has a place keeps it until its partition is gone: `adjust_partitions` gives the place back. A pair that was
-- archived needs none.
--
-- KEYS: the live pairs (sorted set by the time of their last report; members are JSON, ["environment","release"]),
-- the first environments to be live (likewise), the archived pairs (likewise), how many pairs came to live in this hour,
-- how many on this day, the number of live pairs by project (hash; the field `known` is there once all is known).
-- ARGV: the time of receipt (ms), the project, most pairs of the project, most pairs of all projects, most environments,
-- how long an environment is among the first after its last report (ms), most new pairs in an hour, most on a day, for how
-- long the new pairs of an hour are remembered (s), of a day (s), the drainer's clock (ms), by how much clocks may differ
-- (ms), then the pairs.
-- Returns false where it is not known which pairs have places. Else for each pair an empty string where it is admitted,
-- "archived" where it was archived, or "=" and the environment under which its reports are kept: the pair's own if that
-- is among the first, else the empty one.
local pairs_key, environments_key, archived_key, hour_key, day_key, totals_key = unpack(KEYS)
local now, project, most, budget = tonumber(ARGV[1]), ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local most_environments, most_in_hour, most_on_day = tonumber(ARGV[5]), tonumber(ARGV[7]), tonumber(ARGV[8])
if redis.call('HEXISTS', totals_key, 'known') == 0 then return false end

local later = math.max(now, tonumber(ARGV[11]), redis.call('TIME')[1] * 1000) + tonumber(ARGV[12])
-- A pair that sent last while the clock was ahead is not taken for one that sends now.
for _, key in ipairs({pairs_key, environments_key, archived_key}) do
  for _, member in ipairs(redis.call('ZRANGEBYSCORE', key, '(' .. string.format('%.0f', later), '+inf')) do
    redis.call('ZADD', key, now, member)
  end
end

local function known(key, member)
  if not redis.call('ZSCORE', key, member) then return false end
  redis.call('ZADD', key, 'GT', now, member)
  return true
end

-- Returns whether one more environment may be among the first; those that sent nothing for a while make room.
local function takes_environment()
  local over = redis.call('ZCARD', environments_key) - most_environments + 1
  if over > 0 then
    local gone = string.format('%.0f', now - tonumber(ARGV[6]))
    for _, member in ipairs(redis.call('ZRANGEBYSCORE', environments_key, '-inf', gone, 'LIMIT', 0, over)) do
      over = over - redis.call('ZREM', environments_key, member)
    end
  end
  return over <= 0
end

local in_hour, on_day = tonumber(redis.call('GET', hour_key) or 0), tonumber(redis.call('GET', day_key) or 0)
local live, others = redis.call('ZCARD', pairs_key), nil
local before = live
-- The pairs of all projects are counted where a new pair asks for a place, which is seldom.
local function has_place()
  if in_hour >= most_in_hour or on_day >= most_on_day or live >= most then return false end
  if not others then
    others = -tonumber(redis.call('HGET', totals_key, project) or 0)
    for _, count in ipairs(redis.call('HVALS', totals_key)) do others = others + count end
  end
  return others + live < budget
end

local answers = {}
for i = 13, #ARGV do
  local pair, answer = ARGV[i], ''
  local environment = cjson.decode(pair)[1]
  local is_archived = known(archived_key, pair)
  local is_live = is_archived or known(pairs_key, pair)
  if not is_live and has_place() then
    redis.call('ZADD', pairs_key, now, pair)
    in_hour, on_day, live, is_live = in_hour + 1, on_day + 1, live + 1, true
  end
  local is_first = known(environments_key, environment)
  if is_live and not is_archived and not is_first and takes_environment() then
    redis.call('ZADD', environments_key, now, environment)
  end
  if is_archived then answer = 'archived' elseif not is_live then answer = '=' .. (is_first and environment or '') end
  answers[#answers + 1] = answer
end
if live > before then
  redis.call('SET', hour_key, in_hour, 'EX', ARGV[9])
  redis.call('SET', day_key, on_day, 'EX', ARGV[10])
  redis.call('HSET', totals_key, project, live)
end
return answers
