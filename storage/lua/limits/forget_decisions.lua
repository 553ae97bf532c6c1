#!lua flags=allow-oom
-- Forget the decisions on a batch that is committed, unless decisions on a later batch have taken their place.
-- KEYS: the decisions on each project (hashes). ARGV: the batch. Returns nothing.
for _, decisions in ipairs(KEYS) do
  if redis.call('HGET', decisions, 'batch') == ARGV[1] then
    redis.call('DEL', decisions)
  end
end
