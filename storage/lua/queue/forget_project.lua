#!lua flags=allow-oom
-- Forget what the ledger of a stream counted of a project, unless payloads of the project wait in the stream.
-- KEYS: the ledger, the stream. ARGV: the project's id. Returns how many of its payloads wait.
local sent = tonumber(redis.call('HGET', KEYS[1], 'acknowledged:' .. ARGV[1]) or 0)
local done = tonumber(redis.call('HGET', KEYS[1], 'committed:' .. ARGV[1]) or 0)
if sent > done and redis.call('XLEN', KEYS[2]) > 0 then
  return sent - done
end
for _, field in ipairs(redis.call('HKEYS', KEYS[1])) do
  if string.match(field, ':' .. ARGV[1] .. '$') then
    redis.call('HDEL', KEYS[1], field)
  end
end
return 0
