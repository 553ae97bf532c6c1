-- Append one entry to each of some shards and count its payloads as acknowledged, in one step.
--
-- An append has a number: of one producer each is higher than the one before. The last one, should it arrive
-- again, is answered as it was the first time, and counted as repeated; an earlier one comes too late for its
-- producer, who gave it up, and is refused.
--
-- KEYS: last append of the producer, clock of maintenance (ms), generation of ids, payloads that were repeated
-- (hash by project), then stream and ledger of each shard.
-- ARGV: number of the append, seconds for which it is remembered, the producer's clock (ms), by how much Redis'
-- may be ahead (ms), '1' to append all or nothing, then for each shard a census ("<project> <payloads> <project>
-- <payloads> …") and the entry's value.
-- Returns for each shard the id of the entry, or '-' and why there is none.
local number, whole = tonumber(ARGV[1]), ARGV[5] == '1'
local last, told, generation = unpack(redis.call('MGET', KEYS[1], KEYS[2], KEYS[3]))

local function shards()
  local shard = 0
  return function()
    shard = shard + 1
    if KEYS[2 * shard + 3] then
      return shard, KEYS[2 * shard + 3], KEYS[2 * shard + 4], ARGV[2 * shard + 4], ARGV[2 * shard + 5]
    end
  end
end

if last then
  local before, answers = unpack(cjson.decode(last))
  if number < before then
    return redis.error_reply('LATE this append was given up: a later one was here before it.')
  end
  if number == before then
    for shard, _, _, census in shards() do
      if string.sub(answers[shard], 1, 1) ~= '-' then
        for project, payloads in payloads_of(census) do
          redis.call('HINCRBY', KEYS[4], project, payloads)
        end
      end
    end
    return answers
  end
end

tell_time(tonumber(ARGV[3]), told, generation, tonumber(ARGV[4]))
local answers, done = {}, {}
for shard, stream, ledger, census, value in shards() do
  local steps = {}
  local id, problem = append(stream, ledger, census, value, steps)
  if problem then
    take_back(steps)
    if whole then
      take_back(done)
      return redis.error_reply(problem)
    end
  end
  for _, step in ipairs(id and steps or {}) do
    done[#done + 1] = step
  end
  answers[shard] = id or '-' .. problem
end
redis.call('SET', KEYS[1], cjson.encode({number, answers}), 'EX', ARGV[2])
return answers
