-- Publish a snapshot of the registry, unless a newer one is published.
-- KEYS: the published snapshot, its version. ARGV: the snapshot, its version, a newer version that gives way ('' for
-- none). Returns the newer version that stays, or false.
local current = tonumber(redis.call('GET', KEYS[2]) or '')
local version = tonumber(ARGV[2])
if current and redis.call('EXISTS', KEYS[1]) == 1 then
  if current > version and current ~= tonumber(ARGV[3]) then
    return redis.call('GET', KEYS[2])
  end
  if current == version then
    return false
  end
end
redis.call('SET', KEYS[1], ARGV[1])
redis.call('SET', KEYS[2], ARGV[2])
return false
