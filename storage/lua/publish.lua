-- Publish a registry snapshot unless a newer one is there.
-- KEYS: snapshot, version. ARGV: snapshot, version, a newer version that gives way ('' for none).
-- Returns the newer version that stays, else nil.
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
