-- Read the oldest entries of a stream, bounded by bytes and by payloads, but at least one entry if there is any.
-- KEYS: the stream. ARGV: most bytes, most payloads.
-- Returns {{id, project counts, value, time of receipt (ms)}, …}; entries of earlier releases have no time of receipt.
local entries, bytes, payloads, start = {}, 0, 0, '-'
while true do
  local page = redis.call('XRANGE', KEYS[1], start, '+', 'COUNT', 1)
  if #page == 0 then
    return entries
  end
  local id = page[1][1]
  local project_counts, value, received = parts_of(page[1][2])
  bytes = bytes + string.len(value)
  payloads = payloads + payloads_in(project_counts)
  if #entries > 0 and (bytes > tonumber(ARGV[1]) or payloads > tonumber(ARGV[2])) then
    return entries
  end
  entries[#entries + 1] = {id, project_counts, value, received}
  start = '(' .. id
end
