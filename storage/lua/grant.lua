-- Grant a batch as many reports as its project's quotas have room for, and note which quotas are used up.
--
-- A quota is counted in slots of time (of receipt). No slot and the `slots` slots after it together hold more
-- than its limit: a report that was granted makes room again when that time has passed. Which shard asks
-- first does not matter, nor that one of them asks for a time long ago.
--
-- KEYS[2]: prefix of the project's counters, KEYS[3]: quotas that are used up (sorted set by the second in which
-- there is room again; members "<project> <reason> <limit> <key>").
-- ARGV[4]: project, ARGV[5]: quotas as JSON, [{reason, each_key, limit, burst, slot_s, slots, keep_s}, …],
-- ARGV[6]: wants as JSON, [[second, key, reports], …], in the order of the stream.
-- Returns false when a newer drainer exists, else JSON: [[second, key, granted, reason], …].
local superseded, ruling = remembered()
if superseded or ruling then
  return not superseded and ruling
end

local counters = {}

local function counter_of(quota, key)
  local name = KEYS[2] .. ':' .. quota.reason .. (quota.each_key and ':' .. key or '')
  counters[name] = counters[name] or {name = name, key = quota.each_key and key or '', quota = quota, counts = {}}
  return counters[name]
end

local function block_of(counter, slot)
  return math.floor(slot / counter.quota.slots)
end

local function count(counter, slot)
  if not counter.counts[slot] then
    local block, slots = block_of(counter, slot), counter.quota.slots
    for i = block * slots, block * slots + slots - 1 do
      counter.counts[i] = 0
    end
    local stored = redis.call('HGETALL', counter.name .. ':' .. block)
    for i = 1, #stored, 2 do
      counter.counts[tonumber(stored[i])] = tonumber(stored[i + 1])
    end
  end
  return counter.counts[slot]
end

local function used_until(counter, slot)
  local sum = 0
  for i = slot - counter.quota.slots, slot do
    sum = sum + count(counter, i)
  end
  return sum
end

-- Of all spans that hold a slot the fullest one decides.
local function room(counter, slot)
  local quota, sum = counter.quota, used_until(counter, slot)
  local most = sum
  for i = slot + 1, slot + quota.slots do
    sum = sum + count(counter, i) - count(counter, i - quota.slots - 1)
    most = math.max(most, sum)
  end
  return math.max(0, math.min(quota.limit - most, quota.burst - count(counter, slot)))
end

local function take(counter, slot, reports)
  local name = counter.name .. ':' .. block_of(counter, slot)
  redis.call('HINCRBY', name, slot, reports)
  redis.call('EXPIRE', name, counter.quota.keep_s)
  counter.counts[slot] = count(counter, slot) + reports
end

-- Tell the edges, unless there is room again already, or the burst alone was too large.
local function announce(counter, slot)
  local quota, now = counter.quota, tonumber(redis.call('TIME')[1])
  local first = slot - quota.slots
  if used_until(counter, slot) < quota.limit then
    return
  end
  while first < slot and count(counter, first) == 0 do
    first = first + 1
  end
  local free = (first + quota.slots + 1) * quota.slot_s
  redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', now)
  if free > now then
    local member = string.format('%s %s %.0f %s', ARGV[4], quota.reason, quota.limit, counter.key)
    redis.call('ZADD', KEYS[3], free, member)
  end
end

local quotas, rows = cjson.decode(ARGV[5]), {}
for _, want in ipairs(cjson.decode(ARGV[6])) do
  local second, key, granted = want[1], want[2], want[3]
  local short
  for _, quota in ipairs(quotas) do
    local counter = counter_of(quota, key)
    local left = room(counter, math.floor(second / quota.slot_s))
    if left < granted then
      granted, short = left, counter
    end
  end
  for _, quota in ipairs(quotas) do
    if granted > 0 then
      take(counter_of(quota, key), math.floor(second / quota.slot_s), granted)
    end
  end
  if short then
    announce(short, math.floor(second / short.quota.slot_s))
  end
  rows[#rows + 1] = {second, key, granted, short and short.quota.reason or ''}
end
return remember(cjson.encode(rows))
