#!lua flags=allow-oom
-- Tell the time by maintenance's clock, also while Redis is full.
-- KEYS: clock. ARGV: milliseconds since the epoch.
redis.call('SET', KEYS[1], ARGV[1])
