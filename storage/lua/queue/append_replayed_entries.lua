#!lua
-- Append payloads that are stored again, note where they came from, and count them, in one step.
--
-- Nothing is stored if the registry is not the one by which the payloads were chosen, if the lease is another's, or
-- if a note is not what the caller takes it to be.
--
-- KEYS: the version of the registry, the lease, the notes (hash), the clock of maintenance (ms), the generation of
-- ids, then the stream and the ledger of each entry. The counts are added to the first ledger.
-- ARGV: the version, the token ('' for no lease), for how long the notes are kept (s; 0 is for ever), the producer's
-- clock (ms), by how much Redis' clock may be ahead (ms), the number of notes, then for each note its field, its
-- value now ('' for none) and its value to be, then the number of counts, then for each count its field and its
-- amount, then the project counts and the value of each entry.
-- Returns {'stale'}, {'lost'} or {'noted'} where it changed nothing, else {'stored', the id of each entry}.
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
local answer, done, next = {'stored'}, {}, first_count + 2 * counts
for i = 6, #KEYS, 2 do
  local id, problem = append(KEYS[i], KEYS[i + 1], ARGV[next], ARGV[next + 1], done)
  if problem then
    take_back(done)
    return redis.error_reply(problem)
  end
  answer[#answer + 1] = id
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
return answer
