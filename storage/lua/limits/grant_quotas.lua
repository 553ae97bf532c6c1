#!lua flags=allow-oom
-- Grant a batch as many reports as its project's quotas have room for, and note which quotas are exhausted.
--
-- A quota is counted in slots of time (of receipt). No slot and the `slots` slots after it together hold more than
-- the quota's limit: a report that was granted makes room again when that time has passed. It does not matter which
-- stream asks first, nor that one of them asks for a time long ago.
--
-- KEYS: those of preludes/decide_once.lua, and KEYS[2]: the prefix of the project's counters, KEYS[3]: the exhausted
-- quotas (sorted set by the second in which there is room again; members "<project> <reason> <limit> <key>").
-- ARGV: those of preludes/decide_once.lua, and ARGV[4]: the project's id, ARGV[5]: quotas as JSON, [{reason,
-- each_key, limit, burst, slot_s, slots, keep_s}, …], ARGV[6]: wants as JSON, [[second, key, reports], …], in the
-- order of the stream, ARGV[7]: the drainer's clock (s), ARGV[8]: by how much times of receipt may be ahead of the
-- clocks (s).
-- Returns false where there is a newer drainer, else JSON: [[second, key, reports granted, reason], …].
local superseded, decision = earlier_decision()
if superseded or decision then
  return not superseded and decision
end

local now = latest(ARGV[7])
local counters = {}

local function counter_of(quota, key)
  local name = KEYS[2] .. ':' .. quota.reason .. (quota.each_key and ':' .. key or '')
  counters[name] = counters[name]
    or {name = name, key = quota.each_key and key or '', quota = quota, counts = {}, sums = {}, added = {}, taken = 0}
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
    local name, until_slot = counter.name .. ':' .. block, (now + tonumber(ARGV[8])) / counter.quota.slot_s
    local stored = redis.call('HGETALL', name)
    for i = 1, #stored, 2 do
      if tonumber(stored[i]) > until_slot then
        redis.call('HDEL', name, stored[i]) -- counted while a clock was ahead
      else
        counter.counts[tonumber(stored[i])] = tonumber(stored[i + 1])
      end
    end
  end
  return counter.counts[slot]
end

-- Adds the reports that were taken from the latest slot to the sums of all spans that hold the slot.
local function settle(counter)
  if counter.taken > 0 then
    for i = counter.at, counter.at + counter.quota.slots do
      counter.sums[i] = counter.sums[i] + counter.taken
    end
    counter.taken = 0
  end
end

-- Returns how many reports the span that ends with a slot holds. Sums are kept from one want to the next, because
-- there may be thousands of wants.
local function used_until(counter, slot)
  local sums, slots = counter.sums, counter.quota.slots
  settle(counter)
  if not sums[slot] then
    local sum = 0
    if sums[slot - 1] then
      sum = sums[slot - 1] + count(counter, slot) - count(counter, slot - slots - 1)
    else
      for i = slot - slots, slot do
        sum = sum + count(counter, i)
      end
    end
    sums[slot] = sum
  end
  return sums[slot]
end

-- Returns for how many reports a slot has room: the fullest of all spans that hold the slot decides.
local function room(counter, slot)
  local quota = counter.quota
  if counter.at ~= slot then
    settle(counter)
    local sums, most = counter.sums, 0
    for i = slot, slot + quota.slots do
      most = math.max(most, sums[i] or used_until(counter, i))
    end
    counter.at, counter.most = slot, most
  end
  return math.max(0, math.min(quota.limit - counter.most, quota.burst - count(counter, slot)))
end

-- Takes reports from the slot whose room was asked for last.
local function take(counter, reports)
  local slot = counter.at
  counter.counts[slot] = count(counter, slot) + reports
  counter.added[slot] = (counter.added[slot] or 0) + reports
  counter.most, counter.taken = counter.most + reports, counter.taken + reports
end

local function store(counter)
  for slot, reports in pairs(counter.added) do
    local name = counter.name .. ':' .. block_of(counter, slot)
    redis.call('HINCRBY', name, slot, reports)
    redis.call('EXPIRE', name, counter.quota.keep_s)
  end
end

-- Notes that a quota is exhausted, for the edges, unless there is room again already or the burst alone was too
-- large.
local function announce(counter, slot)
  local quota, redis_s = counter.quota, tonumber(redis.call('TIME')[1])
  local first = slot - quota.slots
  if used_until(counter, slot) < quota.limit then
    return
  end
  while first < slot and count(counter, first) == 0 do
    first = first + 1
  end
  local free = (first + quota.slots + 1) * quota.slot_s
  redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', redis_s)
  if free > redis_s and free <= redis_s + (quota.slots + 2) * quota.slot_s + tonumber(ARGV[8]) then
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
      take(counter_of(quota, key), granted)
    end
  end
  if short then
    announce(short, math.floor(second / short.quota.slot_s))
  end
  rows[#rows + 1] = {second, key, granted, short and short.quota.reason or ''}
end
for _, counter in pairs(counters) do
  store(counter)
end
return decide(cjson.encode(rows))
