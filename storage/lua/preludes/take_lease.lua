-- The scripts that acquire a lease share this: how a lease is taken, and which fencing token its holder gets.
--
-- A token is the microseconds since the epoch, or one more than the last token if that is more. So a Redis that
-- lost its last writes, was restored or was emptied does not give a token again that it forgot.

-- Takes a lease, if it is free, for so many milliseconds. Returns the token, or false where another holds the lease.
local function take_lease(lease, fence, ttl_ms)
  local left = redis.call('PTTL', lease)
  if left > tonumber(ttl_ms) then
    redis.call('PEXPIRE', lease, ttl_ms) -- the clock was set back, which would prolong a dead holder's lease
  end
  if left ~= -2 then
    return false
  end
  local now = redis.call('TIME')
  local last = tonumber(redis.call('GET', fence) or 0)
  local token = string.format('%.0f', math.max(last + 1, now[1] * 1000000 + now[2]))
  redis.call('SET', fence, token)
  redis.call('SET', lease, token, 'PX', ttl_ms)
  return tonumber(token)
end
