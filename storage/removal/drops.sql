-- name: of_pair
project_id = %(project)s AND environment = %(environment)s AND release = %(release)s

-- name: existing
-- All pairs of a project that have reports, and how many.
SELECT environment, release, sum(seen) FROM reports WHERE project_id = %(project)s
GROUP BY environment, release ORDER BY environment, release

-- name: months
-- The months in which a pair has reports or findings.
SELECT DISTINCT month FROM (
    SELECT toYYYYMM(window_start) AS month FROM reports WHERE {of_pair}
    UNION ALL
    SELECT toYYYYMM(day) AS month FROM finding_days WHERE {of_pair}
    UNION ALL
    SELECT toYYYYMM(day) AS month FROM policy_days WHERE {of_pair}
)

-- name: live
-- The reports of a pair in its live partition, and the latest start of a window.
SELECT sum(seen), toUnixTimestamp64Milli(max(window_start)) FROM reports_live WHERE {of_pair}

-- name: archived
SELECT sum(seen), toUnixTimestamp64Milli(max(window_start)) FROM reports_archive WHERE {of_pair}

-- name: blocks
-- The first and the last block of the live partition of a pair; no row where it has none.
SELECT min(min_block_number), max(max_block_number) FROM system.parts
WHERE database = currentDatabase() AND table = 'reports_live' AND active AND partition_id IN (
    SELECT DISTINCT _partition_id FROM reports_live WHERE {of_pair}
)
HAVING count() > 0

-- name: left_archived
-- How many archived reports of an interrupted drop are still there.
SELECT sum(seen) FROM reports_archive
WHERE {of_pair} AND window_start < fromUnixTimestamp64Milli(%(cutoff)s, 'UTC')

-- name: drop_partition
ALTER TABLE reports_live DROP PARTITION tuple(%(project)s, %(environment)s, %(release)s)

-- name: delete_days
DELETE FROM `{{table}}` WHERE {of_pair}
