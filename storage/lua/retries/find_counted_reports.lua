-- Find which reports were counted before, among those that a browser may have sent again.
-- KEYS: the retry memory of one slice of time. ARGV: keys of reports, 8 bytes each, end to end.
-- Returns the values, 8 bytes each, end to end; zeros for a report that is not in the memory.
local values, nothing = {}, string.rep('\0', 8)
for at = 1, string.len(ARGV[1]), 8 do
  values[#values + 1] = redis.call('HGET', KEYS[1], string.sub(ARGV[1], at, at + 7)) or nothing
end
return table.concat(values)
