#!lua flags=allow-oom
-- Prolong a pause. One that lapsed is lost, also where no other process took the lease: batches were bound since.
-- KEYS: the lease, the note that the pause is held. ARGV: the holder's token, how long the lease lasts (ms).
-- Returns 1, or 0 where the pause was lost.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return 0
end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
redis.call('PEXPIRE', KEYS[2], ARGV[2])
return 1
