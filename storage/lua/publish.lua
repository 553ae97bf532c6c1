-- Publish a registry snapshot unless this one or a newer one is there.
-- KEYS: snapshot, version. ARGV: snapshot, version. Returns 1 when published.
local current = redis.call('GET', KEYS[2])
if current and tonumber(current) >= tonumber(ARGV[2]) and redis.call('EXISTS', KEYS[1]) == 1 then
  return 0
end
redis.call('SET', KEYS[1], ARGV[1])
redis.call('SET', KEYS[2], ARGV[2])
return 1
