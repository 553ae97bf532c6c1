-- The scripts that append entries share this: an entry's id, its time of receipt, and its payloads counted as
-- acknowledged. preludes/stream_entries.lua stands before it.
--
-- The time of receipt is the median of three clocks: Redis', the producer's, and maintenance's as it told last.
-- Redis' own clock makes the ids, unless it is ahead of the time of receipt; so that ids do not run away with it.
local now, received, ahead, first

-- Reads the clocks; a script calls this before it appends. `producer_ms` is the producer's clock (ms), `told` that of
-- maintenance (ms), `generation` the generation of ids, `slack` by how much Redis' clock may be ahead (ms).
local function tell_time(producer_ms, told, generation, slack)
  local time, told_ms = redis.call('TIME'), tonumber(told or 0) or 0
  now = time[1] * 1000 + math.floor(time[2] / 1000)
  received = math.max(math.min(now, producer_ms), math.min(math.max(now, producer_ms), told_ms))
  ahead = now - received > slack
  first = (tonumber(generation or 0) or 0) * GENERATION
end

local function add(stream, id, project_counts, value)
  local time = string.format('%.0f', received)
  local added = redis.pcall('XADD', stream, id, PROJECT_COUNTS, project_counts, VALUE, value, RECEIVED, time)
  return type(added) == 'string' and added or nil, added
end

-- Ids must increase: a later one of the same millisecond, or of the last one that the stream has, will do.
local function add_by_hand(stream, project_counts, value)
  local sequence = string.format('-%.0f', first)
  if not ahead then
    return first > 0 and add(stream, string.format('%.0f', now) .. sequence, project_counts, value)
  end
  local millisecond = string.format('%.0f', received)
  return add(stream, millisecond .. sequence, project_counts, value)
    or add(stream, millisecond .. '-*', project_counts, value)
    or add(stream, string.match(last_generated_id(stream), '^%d+') .. '-*', project_counts, value)
end

local function take_back(steps)
  for _, step in ipairs(steps) do
    redis.call(unpack(step))
  end
end

-- Appends one entry, and adds the commands that would undo it to `undo`. Returns the entry's id, or nil and why there
-- is none.
local function append(stream, ledger, project_counts, value, undo)
  local id, answer = add_by_hand(stream, project_counts, value)
  if not id then
    id, answer = add(stream, '*', project_counts, value)
  end
  if not id then
    return nil, answer.err
  end
  undo[#undo + 1] = {'XDEL', stream, id}
  for project, payloads in each_project(project_counts) do
    local counted = redis.pcall('HINCRBY', ledger, 'acknowledged:' .. project, payloads)
    if type(counted) ~= 'number' then
      return nil, counted.err
    end
    undo[#undo + 1] = {'HINCRBY', ledger, 'acknowledged:' .. project, '-' .. payloads}
  end
  return id
end
