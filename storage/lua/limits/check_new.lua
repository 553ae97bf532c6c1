#!lua flags=allow-oom
-- Tell which items of a batch are new to their project, and which are one too many in this hour.
--
-- The known items are kept in one set per day (of receipt); the sets of two days are asked. An item beyond the hour's
-- cap falls back to its coarse key. Coarse keys have a cap of the same size. An item that finds no room in the day's
-- set is not remembered: without a cap it is new, each time.
--
-- KEYS: those of preludes/decide_once.lua, and KEYS[2]: the prefix of the project's sets.
-- ARGV: those of preludes/decide_once.lua, and ARGV[4]: the day, ARGV[5]: the hour (numbers since the epoch),
-- ARGV[6]: most new items in an hour (0: any number), ARGV[7]: most members of a set, ARGV[8]: for how long a set is
-- kept (s),
-- ARGV[9]: the items, 16 bytes each: the hash of the item and the hash of its coarse key.
-- Returns false where there is a newer drainer, else for each item its hash and one of the letters below.
local KNOWN, NEW, COARSE, OTHER = 'k', 'n', 'p', 'o' -- storage.limits.limit_decider.Novelty
local NEW_ITEMS, NEW_COARSE_KEYS = 'thing', 'place' -- fields of the hash that counts what came new in this hour
local CHUNK, SIZE = 2000, 16

local superseded, decision = earlier_decision()
if superseded or decision then
  return not superseded and decision
end
local today, yesterday = KEYS[2] .. ':known:' .. ARGV[4], KEYS[2] .. ':known:' .. (ARGV[4] - 1)
local counts = KEYS[2] .. ':new:' .. ARGV[5]
local cap, most = tonumber(ARGV[6]), tonumber(ARGV[7])
local members = redis.call('SCARD', today)
local added, coarse_keys, answers = {}, {}, {}
local counted = {
  [NEW_ITEMS] = tonumber(redis.call('HGET', counts, NEW_ITEMS) or 0),
  [NEW_COARSE_KEYS] = tonumber(redis.call('HGET', counts, NEW_COARSE_KEYS) or 0),
}

local function add(member)
  added[#added + 1] = member
  members = members + 1
end

-- Counts a member as new and remembers it, as long as there is room for it. Returns whether there was.
local function admit(field, member)
  if members >= most or (cap > 0 and counted[field] >= cap) then
    return false
  end
  counted[field] = counted[field] + 1
  add(member)
  return true
end

-- Returns COARSE for a coarse key that is known, or new and admitted, else OTHER.
local function fall_back(coarse_key)
  if coarse_keys[coarse_key] == nil then
    local is_known = redis.call('SISMEMBER', today, coarse_key) == 1
      or redis.call('SISMEMBER', yesterday, coarse_key) == 1
    coarse_keys[coarse_key] = is_known or admit(NEW_COARSE_KEYS, coarse_key)
  end
  return coarse_keys[coarse_key] and COARSE or OTHER
end

local function novelty(item, coarse_key, known_today, known_yesterday)
  if known_today == 1 then
    return KNOWN
  end
  if known_yesterday == 1 then
    if members < most then
      add(item)
    end
    return KNOWN
  end
  if admit(NEW_ITEMS, item) then
    return NEW
  end
  return cap > 0 and fall_back(coarse_key) or NEW
end

for start = 1, #ARGV[9], CHUNK * SIZE do
  local chunk = {}
  for at = start, math.min(start + CHUNK * SIZE - 1, #ARGV[9]), SIZE do
    chunk[#chunk + 1] = string.sub(ARGV[9], at, at + 7)
  end
  local known_today = redis.call('SMISMEMBER', today, unpack(chunk))
  local known_yesterday = redis.call('SMISMEMBER', yesterday, unpack(chunk))
  for i, item in ipairs(chunk) do
    local at = start + (i - 1) * SIZE
    local coarse_key = string.sub(ARGV[9], at + 8, at + 15)
    answers[#answers + 1] = item .. novelty(item, coarse_key, known_today[i], known_yesterday[i])
  end
end
for start = 1, #added, CHUNK do
  redis.call('SADD', today, unpack(added, start, math.min(start + CHUNK - 1, #added)))
end
redis.call('EXPIRE', today, ARGV[8])
redis.call('HSET', counts, NEW_ITEMS, counted[NEW_ITEMS], NEW_COARSE_KEYS, counted[NEW_COARSE_KEYS])
redis.call('EXPIRE', counts, ARGV[8])
return decide(table.concat(answers))
