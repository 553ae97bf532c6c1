-- Read the oldest entries of a shard, bounded by bytes and by payloads (but always at least one entry).
-- KEYS: stream. ARGV: most bytes, most payloads. Returns {{id, census, value, time of receipt (ms)}, …};
-- entries of earlier releases have no time of their own.
local entries, bytes, payloads, start = {}, 0, 0, '-'
while true do
  local page = redis.call('XRANGE', KEYS[1], start, '+', 'COUNT', 1)
  if #page == 0 then
    return entries
  end
  local id, fields = page[1][1], page[1][2]
  local census, value = fields[2], fields[4]
  bytes = bytes + string.len(value)
  for count in string.gmatch(census, '%d+ (%d+)') do
    payloads = payloads + tonumber(count)
  end
  if #entries > 0 and (bytes > tonumber(ARGV[1]) or payloads > tonumber(ARGV[2])) then
    return entries
  end
  entries[#entries + 1] = {id, census, value, fields[6]}
  start = '(' .. id
end
