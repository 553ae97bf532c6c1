-- Find the oldest entry of a stream.
-- KEYS: the stream. ARGV: none.
-- Returns the entry's id, an id above all that the stream ever had where it is empty, or false where there is no
-- stream.
if redis.call('TYPE', KEYS[1]).ok ~= 'stream' then
  return false
end
local oldest = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)[1]
if oldest then
  return oldest[1]
end
return (string.gsub(last_generated_id(KEYS[1]), '%d+$', function(seq) return string.format('%.0f', seq + 1) end))
