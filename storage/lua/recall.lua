-- Look up what a shard remembers of reports that may be sent again.
-- KEYS: memory of one slice of time. ARGV: keys, 8 bytes each, end to end.
-- Returns the values, 8 bytes each, end to end; zeros where nothing is remembered.
local values, nothing = {}, string.rep('\0', 8)
for at = 1, string.len(ARGV[1]), 8 do
  values[#values + 1] = redis.call('HGET', KEYS[1], string.sub(ARGV[1], at, at + 7)) or nothing
end
return table.concat(values)
