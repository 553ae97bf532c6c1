#!lua
-- Append one entry to each of some shards and count its payloads as acknowledged, in one step.
--
-- An append has a number: of one producer each is higher than the one before. The last one, should it arrive
-- again, is answered as it was the first time, and counted as repeated; an earlier one comes too late for its
-- producer, who gave it up, and is refused.
--
-- The time of receipt is the median of three clocks: Redis', the producer's, and maintenance's as it told last.
-- Redis' own clock makes the ids, unless it is ahead of that time; so that ids do not run away with it.
--
-- KEYS: last append of the producer, clock of maintenance (ms), generation of ids, payloads that were repeated
-- (hash by project), then stream and ledger of each shard.
-- ARGV: number of the append, seconds for which it is remembered, the producer's clock (ms), by how much Redis'
-- may be ahead (ms), '1' to append all or nothing, then for each shard a census ("<project> <payloads> <project>
-- <payloads> …") and the entry's value.
-- Returns for each shard the id of the entry, or '-' and why there is none.
local GENERATION = 4294967296 -- sequence numbers of one generation, see mend.lua

local number, whole = tonumber(ARGV[1]), ARGV[5] == '1'
local last, told, generation = unpack(redis.call('MGET', KEYS[1], KEYS[2], KEYS[3]))

local function payloads_of(census)
  return string.gmatch(census, '(%d+) (%d+)')
end

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

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local theirs, third = tonumber(ARGV[3]), tonumber(told or 0) or 0
local received = math.max(math.min(now, theirs), math.min(math.max(now, theirs), third))
local ahead = now - received > tonumber(ARGV[4])
local first = (tonumber(generation or 0) or 0) * GENERATION

local function add(stream, id, census, value)
  local added = redis.pcall('XADD', stream, id, 'n', census, 'p', value, 't', string.format('%.0f', received))
  return type(added) == 'string' and added or nil, added
end

local function last_millisecond(stream)
  local facts = redis.pcall('XINFO', 'STREAM', stream)
  for i = 1, #facts, 2 do
    if facts[i] == 'last-generated-id' then
      return string.match(facts[i + 1], '^%d+')
    end
  end
  return '0'
end

-- Ids must increase: a later one of the same millisecond, or of the last one that the stream has, will do.
local function add_by_hand(stream, census, value)
  local sequence = string.format('-%.0f', first)
  if not ahead then
    return first > 0 and add(stream, string.format('%.0f', now) .. sequence, census, value)
  end
  local millisecond = string.format('%.0f', received)
  return add(stream, millisecond .. sequence, census, value)
    or add(stream, millisecond .. '-*', census, value)
    or add(stream, last_millisecond(stream) .. '-*', census, value)
end

local function take_back(steps)
  for _, step in ipairs(steps) do
    redis.call(unpack(step))
  end
end

-- Returns the id, or nil and why there is none; `steps` are those that would undo it.
local function append(stream, ledger, census, value, steps)
  local id, answer = add_by_hand(stream, census, value)
  if not id then
    id, answer = add(stream, '*', census, value)
  end
  if not id then
    return nil, answer.err
  end
  steps[#steps + 1] = {'XDEL', stream, id}
  for project, payloads in payloads_of(census) do
    local counted = redis.pcall('HINCRBY', ledger, 'acknowledged:' .. project, payloads)
    if type(counted) ~= 'number' then
      return nil, counted.err
    end
    steps[#steps + 1] = {'HINCRBY', ledger, 'acknowledged:' .. project, '-' .. payloads}
  end
  return id
end

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
