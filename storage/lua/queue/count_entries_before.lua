-- Count the entries before one entry, a page at a time, so that a long backlog keeps Redis busy for moments only.
-- KEYS: the stream. ARGV: where to start ("-", or "(" and an id), the id of the one entry, most entries of a page.
-- Returns {entries, payloads in them, where to go on, or false when the one entry was reached}.
local entries, payloads, start = 0, 0, ARGV[1]
while entries < tonumber(ARGV[3]) do
  local found = redis.call('XRANGE', KEYS[1], start, '(' .. ARGV[2], 'COUNT', 1)[1]
  if not found then
    return {entries, payloads, false}
  end
  payloads = payloads + payloads_in((parts_of(found[2])))
  entries = entries + 1
  start = '(' .. found[1]
end
return {entries, payloads, start}
