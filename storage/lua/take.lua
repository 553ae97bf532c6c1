#!lua flags=allow-oom
-- Say which refusals to move: those that an earlier mover left, else those that wait, under a new name.
-- KEYS: waiting refusals (hash), name of those being moved. ARGV: the new name.
-- Returns the name, or false when there are none.
local name = redis.call('GET', KEYS[2])
if not name and redis.call('EXISTS', KEYS[1]) == 1 then
  name = ARGV[1]
  redis.call('RENAME', KEYS[1], name)
  redis.call('SET', KEYS[2], name)
end
return name
