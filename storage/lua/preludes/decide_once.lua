-- The scripts that decide on a batch share this: a decision is made once, and given again to a drainer that repeats
-- the batch.
--
-- A stream is worked on one batch at a time, so that the decisions on the batch before may go. Those on a batch that
-- is not committed stay without an end: the batch may wait for days.
--
-- KEYS[1]: the decisions on the project in this stream (hash), KEYS[4]: the clock of maintenance (ms).
-- ARGV[1]: the subject of the decision, ARGV[2]: the drainer's fencing token, ARGV[3]: the batch.

-- Returns the time (s) by the latest of Redis' clock, maintenance's, and the drainer's (s). A report that was
-- received after it was dated by a clock that was ahead for a moment, and must not block anything until that time has
-- come.
local function latest(drainer_s)
  local told = tonumber(redis.call('GET', KEYS[4]) or 0) or 0
  return math.max(tonumber(redis.call('TIME')[1]), tonumber(drainer_s), math.floor(told / 1000))
end

-- Returns whether a newer drainer was given a decision, and the decision on this batch, if there is one.
local function earlier_decision()
  local token, batch, decision = unpack(redis.call('HMGET', KEYS[1], 'token', 'batch', ARGV[1]))
  if token and tonumber(token) > tonumber(ARGV[2]) then
    return true, nil
  end
  return false, batch == ARGV[3] and decision or nil
end

-- Stores the decision on this batch, and returns it.
local function decide(decision)
  if redis.call('HGET', KEYS[1], 'batch') ~= ARGV[3] then
    redis.call('DEL', KEYS[1])
  end
  redis.call('HSET', KEYS[1], 'token', ARGV[2], 'batch', ARGV[3], ARGV[1], decision)
  return decision
end
