#!lua flags=allow-oom
-- Forget the rulings on a batch that is committed, unless those on a later one have taken their place.
-- KEYS: rulings (hashes). ARGV: batch.
for _, rulings in ipairs(KEYS) do
  if redis.call('HGET', rulings, 'batch') == ARGV[1] then
    redis.call('DEL', rulings)
  end
end
