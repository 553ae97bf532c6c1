-- Make the next mark, unless another process made one meanwhile.
-- KEYS: the mark (hash). ARGV: the number of the mark before it, as it was read ('' for none), the new mark's number,
-- its time (ms). Returns 1, or 0 where this is not the next mark any more.
local current = redis.call('HGET', KEYS[1], 'number') or ''
if current ~= ARGV[1] then
  return 0
end
redis.call('HSET', KEYS[1], 'number', ARGV[2], 'ms', ARGV[3])
return 1
