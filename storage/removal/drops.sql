-- name: of_pair
project_id = %(project)s AND environment = %(environment)s AND release = %(release)s

-- name: pairs
SELECT DISTINCT environment, release FROM reports WHERE project_id = %(project)s ORDER BY environment, release

-- name: stored
-- How many reports a release has, by environment.
SELECT environment, sum(seen) FROM reports WHERE project_id = %(project)s AND release = %(release)s
GROUP BY environment ORDER BY environment

-- name: releases
SELECT environment, release, sum(seen), min(first_seen), max(last_seen) FROM reports
WHERE project_id = %(project)s GROUP BY environment, release ORDER BY max(last_seen) DESC, environment, release

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
