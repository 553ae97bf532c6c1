#!lua flags=allow-oom
-- Tell the time by maintenance's clock, also while Redis is full.
-- KEYS: the clock. ARGV: the time (ms since the epoch). Returns nothing.
redis.call('SET', KEYS[1], ARGV[1])
