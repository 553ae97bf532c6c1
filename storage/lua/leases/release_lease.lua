#!lua flags=allow-oom
-- Give a lease back, if it is still this holder's.
-- KEYS: the lease. ARGV: the holder's token. Returns 1, or 0 where the lease was another's or had lapsed.
if redis.call('GET', KEYS[1]) == ARGV[1] then
  return redis.call('DEL', KEYS[1])
end
return 0
