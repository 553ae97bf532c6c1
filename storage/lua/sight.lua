-- Tell which things of a batch are new to their project, and which are too many new ones in this hour.
--
-- What is known is kept in one set per day (of receipt); the sets of two days are asked. A thing beyond the
-- hour's cap falls back to its place. The places have a cap of the same size. What finds no room in the day's set
-- is not remembered: without a cap it is new, each time.
--
-- KEYS[2]: prefix of the project's sets. ARGV[4]: day, ARGV[5]: hour (numbers since the epoch), ARGV[6]: most
-- new things in an hour (0: any number), ARGV[7]: most members of a set, ARGV[8]: seconds a set is kept,
-- ARGV[9]: sightings, 16 bytes each: hash of the thing, hash of its place.
-- Returns false when a newer drainer exists, else for each sighting the hash of the thing and a letter: k(nown),
-- n(ew), p(lace only), o(ther: not even its place).
local superseded, ruling = remembered()
if superseded or ruling then
  return not superseded and ruling
end
local CHUNK, SIZE = 2000, 16
local today, yesterday = KEYS[2] .. ':known:' .. ARGV[4], KEYS[2] .. ':known:' .. (ARGV[4] - 1)
local counts = KEYS[2] .. ':new:' .. ARGV[5]
local cap, most = tonumber(ARGV[6]), tonumber(ARGV[7])
local members = redis.call('SCARD', today)
local added, places, letters = {}, {}, {}
local fresh = {
  thing = tonumber(redis.call('HGET', counts, 'thing') or 0),
  place = tonumber(redis.call('HGET', counts, 'place') or 0),
}

local function add(member)
  added[#added + 1] = member
  members = members + 1
end

-- Take what is new as long as there is room for it.
local function admit(kind, member)
  if members >= most or (cap > 0 and fresh[kind] >= cap) then
    return false
  end
  fresh[kind] = fresh[kind] + 1
  add(member)
  return true
end

local function place(member)
  if places[member] == nil then
    local known = redis.call('SISMEMBER', today, member) == 1 or redis.call('SISMEMBER', yesterday, member) == 1
    places[member] = known or admit('place', member)
  end
  return places[member] and 'p' or 'o'
end

local function letter(member, where, is_known, was_known)
  if is_known == 1 then
    return 'k'
  end
  if was_known == 1 then
    if members < most then
      add(member)
    end
    return 'k'
  end
  if admit('thing', member) then
    return 'n'
  end
  return cap > 0 and place(where) or 'n'
end

for start = 1, #ARGV[9], CHUNK * SIZE do
  local chunk = {}
  for at = start, math.min(start + CHUNK * SIZE - 1, #ARGV[9]), SIZE do
    chunk[#chunk + 1] = string.sub(ARGV[9], at, at + 7)
  end
  local is_known = redis.call('SMISMEMBER', today, unpack(chunk))
  local was_known = redis.call('SMISMEMBER', yesterday, unpack(chunk))
  for i, member in ipairs(chunk) do
    local at = start + (i - 1) * SIZE
    letters[#letters + 1] = member .. letter(member, string.sub(ARGV[9], at + 8, at + 15), is_known[i], was_known[i])
  end
end
for start = 1, #added, CHUNK do
  redis.call('SADD', today, unpack(added, start, math.min(start + CHUNK - 1, #added)))
end
redis.call('EXPIRE', today, ARGV[8])
redis.call('HSET', counts, 'thing', fresh.thing, 'place', fresh.place)
redis.call('EXPIRE', counts, ARGV[8])
return remember(table.concat(letters))
