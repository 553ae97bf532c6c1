-- Append payloads that are stored again, note where they came from, and count them, in one step: only under the
-- registry by which they were chosen, by the holder of the lease, and if the notes are what they are thought to be.
-- KEYS: version of the registry, lease, notes (hash), clock of maintenance (ms), generation of ids, then stream and
-- ledger of each entry.
-- ARGV: version, token ('' for no lease), seconds that the notes are kept (0: for ever), the producer's clock (ms), by
-- how much Redis' may be ahead (ms), number of notes, then (field, value now or '', value to be) for each, number of
-- counts, then (field, amount) for each, then (census, entry value) for each entry.
-- Returns {'stale'}, {'lost'} or {'noted'} and changes nothing; else {'stored', ids of the entries}.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return {'stale'}
end
if ARGV[2] ~= '' and redis.call('GET', KEYS[2]) ~= ARGV[2] then
  return {'lost'}
end
local first_note, notes = 7, tonumber(ARGV[6])
local first_count = first_note + 3 * notes + 1
local counts = tonumber(ARGV[first_count - 1])
for i = first_note, first_note + 3 * notes - 1, 3 do
  if (redis.call('HGET', KEYS[3], ARGV[i]) or '') ~= ARGV[i + 1] then
    return {'noted'}
  end
end
tell_time(tonumber(ARGV[4]), redis.call('GET', KEYS[4]), redis.call('GET', KEYS[5]), tonumber(ARGV[5]))
local ids, done, next = {'stored'}, {}, first_count + 2 * counts
for i = 6, #KEYS, 2 do
  local id, problem = append(KEYS[i], KEYS[i + 1], ARGV[next], ARGV[next + 1], done)
  if problem then
    take_back(done)
    return redis.error_reply(problem)
  end
  ids[#ids + 1] = id
  next = next + 2
end
for i = first_count, first_count + 2 * counts - 1, 2 do
  redis.call('HINCRBY', KEYS[7], ARGV[i], ARGV[i + 1])
end
for i = first_note, first_note + 3 * notes - 1, 3 do
  redis.call('HSET', KEYS[3], ARGV[i], ARGV[i + 2])
end
if tonumber(ARGV[3]) > 0 then
  redis.call('EXPIRE', KEYS[3], ARGV[3])
end
return ids
