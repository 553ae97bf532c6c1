#!lua
-- How entries are appended: their ids, their time of receipt, and their payloads counted as acknowledged.
--
-- The time of receipt is the median of three clocks: Redis', the producer's, and maintenance's as it told last.
-- Redis' own clock makes the ids, unless it is ahead of that time; so that ids do not run away with it.
local GENERATION = 4294967296 -- sequence numbers of one generation, see mend.lua
local now, received, ahead, first

-- To be called first. `theirs`: the producer's clock (ms), `told`: that of maintenance (ms), `generation`: that of ids,
-- `slack`: by how much Redis' clock may be ahead (ms).
local function tell_time(theirs, told, generation, slack)
  local time, third = redis.call('TIME'), tonumber(told or 0) or 0
  now = time[1] * 1000 + math.floor(time[2] / 1000)
  received = math.max(math.min(now, theirs), math.min(math.max(now, theirs), third))
  ahead = now - received > slack
  first = (tonumber(generation or 0) or 0) * GENERATION
end

local function payloads_of(census)
  return string.gmatch(census, '(%d+) (%d+)')
end

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
