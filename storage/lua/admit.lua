#!lua flags=allow-oom
-- Decide which (environment, release) pairs of a project may have a partition of their own.
-- A pair that sent nothing for a while is no longer live and makes room.
-- KEYS: live pairs (members are JSON: ["environment","release"]).
-- ARGV: time of receipt in ms, life of a pair in ms, most pairs, then the pairs.
-- Returns for each pair an empty string (admitted), or the environment under which it overflows as
-- "=environment": its own when another live pair has it, else the empty one.
local now, verdicts, environments = tonumber(ARGV[1]), {}, nil
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - tonumber(ARGV[2]))
for i = 4, #ARGV do
  if redis.call('ZSCORE', KEYS[1], ARGV[i]) or redis.call('ZCARD', KEYS[1]) < tonumber(ARGV[3]) then
    redis.call('ZADD', KEYS[1], 'GT', now, ARGV[i])
    verdicts[#verdicts + 1] = ''
  else
    if not environments then
      environments = {}
      for _, member in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
        environments[cjson.decode(member)[1]] = true
      end
    end
    local environment = cjson.decode(ARGV[i])[1]
    verdicts[#verdicts + 1] = '=' .. (environments[environment] and environment or '')
  end
end
return verdicts
