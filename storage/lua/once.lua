#!lua flags=allow-oom
-- Stands before each script that rules on a batch: a ruling is made once, and given again to whoever repeats
-- the batch. A shard works on one batch at a time, so that the rulings of the one before may go. Those on a
-- batch that is not committed stay without an end: it may wait for days.
-- KEYS[1]: rulings on the project in this shard (hash), KEYS[4]: clock of maintenance (ms). ARGV[1]: what is ruled on, ARGV[2]: fencing token,
-- ARGV[3]: batch.

-- Returns the time (s) by the latest of Redis' clock, maintenance's, and the drainer's (s). What was received after
-- it was dated by a clock that was ahead for a moment, and must not block anything until that time has come.
local function latest(drainers)
  local told = tonumber(redis.call('GET', KEYS[4]) or 0) or 0
  return math.max(tonumber(redis.call('TIME')[1]), tonumber(drainers), math.floor(told / 1000))
end

-- Returns whether a newer drainer was given a ruling, and the ruling on this batch, if there is one.
local function remembered()
  local token, batch, ruling = unpack(redis.call('HMGET', KEYS[1], 'token', 'batch', ARGV[1]))
  if token and tonumber(token) > tonumber(ARGV[2]) then
    return true, nil
  end
  return false, batch == ARGV[3] and ruling or nil
end

local function remember(ruling)
  if redis.call('HGET', KEYS[1], 'batch') ~= ARGV[3] then
    redis.call('DEL', KEYS[1])
  end
  redis.call('HSET', KEYS[1], 'token', ARGV[2], 'batch', ARGV[3], ARGV[1], ruling)
  return ruling
end
