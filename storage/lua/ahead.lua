-- Count what lies before an entry, one page at a time, so that a long backlog stops Redis for moments only.
-- KEYS: stream. ARGV: where to start ("-", or "(" and an id), id of the entry, most entries of the page.
-- Returns {entries, payloads, where to go on or false when the entry was reached}.
local entries, payloads, start = 0, 0, ARGV[1]
while entries < tonumber(ARGV[3]) do
  local found = redis.call('XRANGE', KEYS[1], start, '(' .. ARGV[2], 'COUNT', 1)[1]
  if not found then
    return {entries, payloads, false}
  end
  for count in string.gmatch(found[2][2], '%d+ (%d+)') do
    payloads = payloads + tonumber(count)
  end
  entries = entries + 1
  start = '(' .. found[1]
end
return {entries, payloads, start}
