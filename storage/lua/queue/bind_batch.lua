#!lua flags=allow-oom
-- Store the bounds of a batch before its work begins, and forget what was noted of the batch before it.
--
-- A stream without bounds is given none during a pause, nor if there was a pause since the batch was planned: the plan
-- may rest on what the pause changed.
--
-- KEYS: the fence, the bounds, the attempts, the note that inserts began, the lease of pauses, the fence of pauses.
-- ARGV: the drainer's token, the bounds, how long the lease of a pause lasts (ms), the newest pause when the batch was
-- planned, or '' where that does not matter.
-- Returns 1, 0 where there is a newer drainer, or -1 where a pause is or was in the way.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return 0
end
if redis.call('EXISTS', KEYS[2]) == 0 then
  local left = redis.call('PTTL', KEYS[5])
  if left > tonumber(ARGV[3]) then
    redis.call('PEXPIRE', KEYS[5], ARGV[3]) -- the clock was set back, which would prolong a dead holder's pause
  end
  if left ~= -2 or (ARGV[4] ~= '' and (redis.call('GET', KEYS[6]) or '0') ~= ARGV[4]) then
    return -1
  end
end
redis.call('SET', KEYS[2], ARGV[2])
redis.call('DEL', KEYS[3], KEYS[4])
return 1
