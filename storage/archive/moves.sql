-- name: under_way
-- The moves under way: number, project, whether the rows are read from the archive by now, whether the move was given up,
-- and the partitions with their ids.
SELECT
    number, max(project_id), max(state = 'switched'), max(state = 'abandoned'),
    groupUniqArrayIf((toString(environment), toString(release), partition_id), partition_id != '')
FROM archive_moves GROUP BY number ORDER BY number

-- name: note
-- Notes a state of a move, unless the move is over or was given up.
INSERT INTO archive_moves (number, state, project_id, environment, release, partition_id)
SELECT number, %(state)s, max(project_id), '', '', '' FROM archive_moves
WHERE number = %(number)s GROUP BY number HAVING NOT max(state = 'abandoned')

-- name: columns
-- The columns of a row of reports and their types, in their order.
SELECT name, type FROM system.columns
WHERE database = currentDatabase() AND table = 'reports_live' AND default_kind IN ('', 'DEFAULT') ORDER BY position

-- name: pending
-- Changes of rows that ClickHouse is not done with.
SELECT count() FROM system.mutations
WHERE database = currentDatabase() AND table IN ('reports_live', 'reports_archive') AND NOT is_done AND NOT is_killed

-- name: dropping
-- Drops of releases that are not finished.
SELECT count() FROM (
    SELECT 1 FROM removals GROUP BY project_id, number, cutoff HAVING max(dropped) = 1 AND max(finished) = 0
)

-- name: copy
-- Copies partitions into the archive, unless the move is over or was given up.
INSERT INTO reports_archive ({{columns}}, move)
SELECT {{columns}}, %(number)s FROM reports_live
WHERE project_id = %(project)s AND _partition_id IN %(ids)s AND %(number)s IN (
    SELECT number FROM archive_moves GROUP BY number HAVING NOT max(state = 'abandoned')
)

-- name: said
-- What rows say, so that merging equal ones changes nothing: how many reports, and a sum over all of their keys.
sum(seen), sum(seen * sipHash64(environment, release, window_start, kind, fingerprint, identity))

-- name: live_content
SELECT {said} FROM reports_live WHERE project_id = %(project)s AND _partition_id IN %(ids)s

-- name: copied_content
SELECT {said} FROM reports_archive WHERE project_id = %(project)s AND move = %(number)s

-- name: left_content
SELECT {said} FROM {{leaving}}

-- name: present
-- Which of these partitions are in reports_live.
SELECT DISTINCT partition_id FROM system.parts
WHERE database = currentDatabase() AND table = 'reports_live' AND active AND rows > 0 AND partition_id IN %(ids)s

-- name: make_leaving
CREATE TABLE IF NOT EXISTS {{leaving}} AS reports_live

-- name: move_leaving
ALTER TABLE reports_live MOVE PARTITION ID %(id)s TO TABLE {{leaving}}

-- name: put_back
ALTER TABLE {{leaving}} MOVE PARTITION ID %(id)s TO TABLE reports_live

-- name: add_rest
-- Adds to the archive what came into partitions after they were copied: by key, what has left less what was copied.
INSERT INTO reports_archive ({{columns}}, move)
SELECT {{rest}}, %(number)s FROM (
    SELECT {{columns}}, 1 AS sign FROM {{leaving}}
    UNION ALL
    SELECT {{columns}}, -1 AS sign FROM reports_archive WHERE project_id = %(project)s AND move = %(number)s
) AS r
GROUP BY {{key}} HAVING sum(sign * toInt64(r.seen)) > 0

-- name: drop_leaving
DROP TABLE IF EXISTS {{leaving}} SYNC

-- name: leaving_tables
-- The tables of what leaves, and their partitions.
SELECT t.name, groupUniqArrayIf(p.partition_id, p.partition_id != '') FROM system.tables AS t
LEFT JOIN (
    SELECT database, table, partition_id FROM system.parts WHERE active AND rows > 0
) AS p ON p.database = t.database AND p.table = t.name
WHERE t.database = currentDatabase() AND startsWith(t.name, 'reports_leaving_') GROUP BY t.name

-- name: delete_copies
ALTER TABLE reports_archive DELETE WHERE project_id = %(project)s AND move = %(number)s

-- name: any_copied
SELECT 1 FROM reports_archive WHERE project_id = %(project)s AND move = %(number)s LIMIT 1

-- name: forget
ALTER TABLE archive_moves DROP PARTITION %(number)s
