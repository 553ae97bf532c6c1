-- name: parts
-- The size of each table, in rows, parts and bytes.
SELECT table, sum(rows) AS rows, count() AS parts, sum(bytes_on_disk) AS bytes FROM system.parts
WHERE active AND database = %(database)s GROUP BY table ORDER BY table
