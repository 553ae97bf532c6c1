-- name: latest
-- The latest mark that ClickHouse has.
SELECT number, toUnixTimestamp64Milli(at) FROM marks ORDER BY number DESC LIMIT 1

-- name: breaks
-- The breaks that were found since the books were settled.
SELECT store, toUnixTimestamp64Milli(since), toUnixTimestamp64Milli(until), toUnixTimestamp64Milli(found)
FROM breaks FINAL WHERE found > (SELECT max(settled) FROM settlements) ORDER BY found
