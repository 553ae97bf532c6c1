#!lua flags=allow-oom
-- Say which refusals to move to ClickHouse: those that an interrupted move left, else the waiting ones under a new
-- name.
-- KEYS: the waiting refusals (hash), the name of the hash that is being moved. ARGV: the new name.
-- Returns the name of the hash to move, or false where there is none.
local name = redis.call('GET', KEYS[2])
if not name and redis.call('EXISTS', KEYS[1]) == 1 then
  name = ARGV[1]
  redis.call('RENAME', KEYS[1], name)
  redis.call('SET', KEYS[2], name)
end
return name
