#!lua flags=allow-oom
-- Stands before each script that rules on a batch: a ruling is made once, and given again to whoever repeats
-- the batch. A shard works on one batch at a time, so one ruling of each kind is remembered for it, without an
-- end: a batch may wait for days.
-- KEYS[1]: the project's rulings (hash). ARGV[1]: "<what is ruled on>/<part>:<shard>", ARGV[2]: fencing token, ARGV[3]: batch.

-- Returns whether a newer drainer was given a ruling, and the ruling on this batch, if there is one.
local function remembered()
  local found = redis.call('HGET', KEYS[1], ARGV[1])
  if not found then
    return false, nil
  end
  local token, batch, ruling = string.match(found, '^(%d+) (%S+) (.*)$')
  return tonumber(token) > tonumber(ARGV[2]), batch == ARGV[3] and ruling or nil
end

local function remember(ruling)
  redis.call('HSET', KEYS[1], ARGV[1], ARGV[2] .. ' ' .. ARGV[3] .. ' ' .. ruling)
  return ruling
end
