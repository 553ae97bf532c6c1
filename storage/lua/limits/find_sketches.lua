#!lua flags=allow-oom
-- Find of which senders the reports of some findings were accepted, so that sampling leaves no sender out.
--
-- A hash for each day (of receipt) holds the sketches. It takes a bounded number of findings; beyond it a finding is
-- said to have all senders, so that sampling treats its reports as any others.
--
-- KEYS: those of preludes/decide_once.lua, and KEYS[2]: the prefix of the project's hashes.
-- ARGV: those of preludes/decide_once.lua, and ARGV[4]: the day (number since the epoch), ARGV[5]: most findings of a
-- hash, ARGV[6]: the findings, 16 bytes each, end to end.
-- Returns false where there is a newer drainer, else the findings, each with its sketch of 16 bytes, end to end.
local CHUNK, SIZE, BYTES = 2000, 16, 16

local superseded, decision = earlier_decision()
if superseded or decision then
  return not superseded and decision
end
local name, answers = KEYS[2] .. ':' .. ARGV[4], {}
local full = redis.call('HLEN', name) >= tonumber(ARGV[5])
local unknown = string.rep(full and '\255' or '\0', BYTES)
for start = 1, #ARGV[6], CHUNK * SIZE do
  local chunk = {}
  for at = start, math.min(start + CHUNK * SIZE - 1, #ARGV[6]), SIZE do
    chunk[#chunk + 1] = string.sub(ARGV[6], at, at + SIZE - 1)
  end
  for i, sketch in ipairs(redis.call('HMGET', name, unpack(chunk))) do
    answers[#answers + 1] = chunk[i] .. (sketch or unknown)
  end
end
return decide(table.concat(answers))
