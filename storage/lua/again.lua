-- Append payloads that are stored again, note where they came from, and count them, in one step: only under the
-- registry by which they were chosen, by the holder of the lease, and if the notes are what they are thought to be.
-- KEYS: version of the registry, lease, notes (hash), then stream and ledger of each entry.
-- ARGV: version, token ('' for no lease), seconds that the notes are kept (0: for ever), number of notes,
-- then (field, value now or '', value to be) for each, number of counts, then (field, amount) for each,
-- then (entry value, census) for each entry.
-- Returns {'stale'}, {'lost'} or {'noted'} and changes nothing; else {'stored', ids of the entries}.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return {'stale'}
end
if ARGV[2] ~= '' and redis.call('GET', KEYS[2]) ~= ARGV[2] then
  return {'lost'}
end
local first_note, notes = 5, tonumber(ARGV[4])
local first_count = first_note + 3 * notes + 1
local counts = tonumber(ARGV[first_count - 1])
for i = first_note, first_note + 3 * notes - 1, 3 do
  if (redis.call('HGET', KEYS[3], ARGV[i]) or '') ~= ARGV[i + 1] then
    return {'noted'}
  end
end
for i = 4, #KEYS, 2 do -- what is done before a step that fails stays done: so nothing may fail below
  local kind = redis.call('TYPE', KEYS[i]).ok
  if kind ~= 'stream' and kind ~= 'none' then
    return redis.error_reply('WRONGTYPE ' .. KEYS[i] .. ' is no stream')
  end
end
local ids, next = {'stored'}, first_count + 2 * counts
for i = 4, #KEYS, 2 do
  local value, census = ARGV[next], ARGV[next + 1]
  ids[#ids + 1] = redis.call('XADD', KEYS[i], '*', 'n', census, 'p', value)
  for project, payloads in string.gmatch(census, '(%d+) (%d+)') do
    redis.call('HINCRBY', KEYS[i + 1], 'acknowledged:' .. project, payloads)
  end
  next = next + 2
end
for i = first_count, first_count + 2 * counts - 1, 2 do
  redis.call('HINCRBY', KEYS[5], ARGV[i], ARGV[i + 1])
end
for i = first_note, first_note + 3 * notes - 1, 3 do
  redis.call('HSET', KEYS[3], ARGV[i], ARGV[i + 2])
end
if tonumber(ARGV[3]) > 0 then
  redis.call('EXPIRE', KEYS[3], ARGV[3])
end
return ids
