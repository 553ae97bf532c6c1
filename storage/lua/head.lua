-- Return the id of the oldest entry of a stream, else an id above all that it ever had; false for no stream.
-- KEYS: stream.
if redis.call('TYPE', KEYS[1]).ok ~= 'stream' then
  return false
end
local oldest = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)[1]
if oldest then
  return oldest[1]
end
local info = redis.call('XINFO', 'STREAM', KEYS[1])
for i = 1, #info, 2 do
  if info[i] == 'last-generated-id' then
    return (string.gsub(info[i + 1], '%d+$', function(seq) return string.format('%.0f', seq + 1) end))
  end
end
return false
