-- name: left
-- What a process that ended in the middle left.
SELECT name FROM system.tables
WHERE database = currentDatabase() AND match(name, concat('^', %(target)s, '_[0-9a-f]{{8}}$'))

-- name: drop
DROP TABLE IF EXISTS {{table}}

-- name: create
CREATE TABLE {{side}} AS {{target}}

-- name: done
SELECT DISTINCT _partition_id FROM {{target}}

-- name: project_and_month
SELECT project_id, toYYYYMM(window_start) AS month, count(), sum(seen) FROM reports GROUP BY ALL ORDER BY ALL

-- name: project
SELECT project_id, 0, count(), sum(seen) FROM reports GROUP BY project_id ORDER BY project_id

-- name: partitions
SELECT DISTINCT _partition_id FROM {{side}}

-- name: stored
SELECT sum(seen) FROM {{side}}

-- name: counts
-- Whether a table says how many reports its rows stand for.
SELECT count() FROM system.columns WHERE database = currentDatabase() AND table = %(target)s AND name = 'seen'

-- name: put
ALTER TABLE {{target}} {{partitions}}

-- name: empty
TRUNCATE TABLE {{side}}
