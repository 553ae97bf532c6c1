-- The scripts that write, read or count entries share this: what an entry and its id are made of.

-- The fields of an entry, in this order: how many payloads of which project it holds ("<project> <payloads> <project>
-- <payloads> …"), its value, and its time of receipt (ms); entries of earlier releases have no time of their own.
local PROJECT_COUNTS, VALUE, RECEIVED = 'n', 'p', 't'

-- Sequence numbers of one generation of ids, see queue/realign_ids.lua.
local GENERATION = 4294967296

-- Returns an iterator over the projects of an entry, each with how many payloads it has there.
local function each_project(project_counts)
  return string.gmatch(project_counts, '(%d+) (%d+)')
end

-- Returns the project counts, the value and the time of receipt of an entry, as XRANGE gives its fields.
local function parts_of(fields)
  return fields[2], fields[4], fields[6]
end

-- Returns how many payloads of any project an entry holds.
local function payloads_in(project_counts)
  local total = 0
  for payloads in string.gmatch(project_counts, '%d+ (%d+)') do
    total = total + payloads
  end
  return total
end

-- Returns the highest id that a stream ever had, or '0-0' where there is no stream.
local function last_generated_id(stream)
  local facts = redis.pcall('XINFO', 'STREAM', stream)
  for i = 1, #facts, 2 do
    if facts[i] == 'last-generated-id' then
      return facts[i + 1]
    end
  end
  return '0-0'
end
