-- name: parts
-- The size of each table, in rows, parts and bytes.
SELECT table, sum(rows) AS rows, count() AS parts, sum(bytes_on_disk) AS bytes FROM system.parts
WHERE active AND database = %(database)s GROUP BY table ORDER BY table

-- name: beyond
-- Reports of yesterday and today that are under the release of what is beyond the limits of partitions.
SELECT sum(seen) FROM finding_days WHERE release = %(release)s AND day >= yesterday()
