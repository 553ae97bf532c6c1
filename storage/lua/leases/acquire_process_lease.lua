#!lua flags=allow-oom
-- Acquire the lease of some work for a process, if it is free.
-- KEYS: the lease and its fence. ARGV: how long the lease lasts (ms).
-- Returns the token, or false where another process holds the lease.
return take_lease(KEYS[1], KEYS[2], ARGV[1])
