#!lua flags=allow-oom
-- Note of which senders the reports of some findings were accepted; to repeat it changes nothing.
-- KEYS: the hash of a project and a day of receipt.
-- ARGV: most findings of the hash, for how long it is kept (s), then the findings, each 16 bytes and its sketch of 16,
-- end to end.
-- Returns nothing.
local SIZE, BYTES = 16, 16

local function union(one, other)
  local bytes = {string.byte(one, 1, BYTES)}
  for i = 1, BYTES do
    bytes[i] = bit.bor(bytes[i], string.byte(other, i))
  end
  return string.char(unpack(bytes))
end

local room = tonumber(ARGV[1]) - redis.call('HLEN', KEYS[1])
for at = 1, #ARGV[3], SIZE + BYTES do
  local finding = string.sub(ARGV[3], at, at + SIZE - 1)
  local sketch = string.sub(ARGV[3], at + SIZE, at + SIZE + BYTES - 1)
  local known = redis.call('HGET', KEYS[1], finding)
  if known then
    redis.call('HSET', KEYS[1], finding, union(known, sketch))
  elseif room > 0 then
    redis.call('HSET', KEYS[1], finding, sketch)
    room = room - 1
  end
end
redis.call('EXPIRE', KEYS[1], ARGV[2])
