-- Append one entry to a shard and count its payloads as acknowledged, in one step.
-- KEYS: stream, ledger. ARGV: entry value, census ("<project> <payloads> <project> <payloads> …").
-- Returns the id of the entry.
local id = redis.call('XADD', KEYS[1], '*', 'n', ARGV[2], 'p', ARGV[1])
for project, payloads in string.gmatch(ARGV[2], '(%d+) (%d+)') do
  redis.call('HINCRBY', KEYS[2], 'acknowledged:' .. project, payloads)
end
return id
