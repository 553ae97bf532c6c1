-- Publish a registry snapshot unless this one or a newer one is there.
-- KEYS: snapshot, version. ARGV: snapshot, version, 1 to replace a newer one too. Returns 1 when published.
local current = tonumber(redis.call('GET', KEYS[2]) or '')
local version = tonumber(ARGV[2])
local newer = current and (current == version or (current > version and ARGV[3] ~= '1'))
if newer and redis.call('EXISTS', KEYS[1]) == 1 then
  return 0
end
redis.call('SET', KEYS[1], ARGV[1])
redis.call('SET', KEYS[2], ARGV[2])
return 1
