-- Make the next mark, unless another one was made meanwhile.
-- KEYS: mark (hash). ARGV: number of the mark before it, as it was read ('' for none), its own number, its time in ms.
-- Returns 1, or 0 when it is not the next one any more.
local current = redis.call('HGET', KEYS[1], 'number') or ''
if current ~= ARGV[1] then
  return 0
end
redis.call('HSET', KEYS[1], 'number', ARGV[2], 'ms', ARGV[3])
return 1
