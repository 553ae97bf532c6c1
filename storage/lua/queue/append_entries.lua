#!lua
-- Append one entry to each of some streams and count its payloads as acknowledged, in one step.
--
-- An append has a number, which grows with each append of one producer. The last append, should it arrive again, is
-- answered as it was the first time, and counted as repeated. An earlier append comes too late: its producer gave it
-- up, and it is refused.
--
-- KEYS: the last append of the producer, the clock of maintenance (ms), the generation of ids, the payloads that
-- arrived repeatedly (hash by project), then the stream and the ledger of each entry.
-- ARGV: the number of the append, for how long it is remembered (s), the producer's clock (ms), by how much Redis'
-- clock may be ahead (ms), '1' to append all or nothing, then the project counts and the value of each entry.
-- Returns for each entry its id, or '-' and why it was not appended.
local number, whole = tonumber(ARGV[1]), ARGV[5] == '1'
local last, told, generation = unpack(redis.call('MGET', KEYS[1], KEYS[2], KEYS[3]))

-- Returns an iterator over the entries: its number, its stream, its ledger, its project counts and its value.
local function each_entry()
  local entry = 0
  return function()
    entry = entry + 1
    if KEYS[2 * entry + 3] then
      return entry, KEYS[2 * entry + 3], KEYS[2 * entry + 4], ARGV[2 * entry + 4], ARGV[2 * entry + 5]
    end
  end
end

if last then
  local before, answers = unpack(cjson.decode(last))
  if number < before then
    return redis.error_reply('LATE this append was given up: a later one was here before it.')
  end
  if number == before then
    for entry, _, _, project_counts in each_entry() do
      if string.sub(answers[entry], 1, 1) ~= '-' then
        for project, payloads in each_project(project_counts) do
          redis.call('HINCRBY', KEYS[4], project, payloads)
        end
      end
    end
    return answers
  end
end

tell_time(tonumber(ARGV[3]), told, generation, tonumber(ARGV[4]))
local answers, done = {}, {}
for entry, stream, ledger, project_counts, value in each_entry() do
  local undo = {}
  local id, problem = append(stream, ledger, project_counts, value, undo)
  if problem then
    take_back(undo)
    if whole then
      take_back(done)
      return redis.error_reply(problem)
    end
  end
  for _, step in ipairs(id and undo or {}) do
    done[#done + 1] = step
  end
  answers[entry] = id or '-' .. problem
end
redis.call('SET', KEYS[1], cjson.encode({number, answers}), 'EX', ARGV[2])
return answers
