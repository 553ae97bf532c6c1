-- name: old
-- The condition that a row is below the cutoff of a removal.
project_id = %(project)s AND window_start < fromUnixTimestamp64Milli(%(cutoff)s, 'UTC')

-- name: of_removal
-- The condition that a row is of a removal; one of an older release (number 0) is of all partitions.
{old} AND (%(number)s = 0 OR (environment, release) = (%(environment)s, %(release)s))

-- name: count_reports
SELECT sum(seen) FROM reports_live WHERE {of_removal}

-- name: any_old
SELECT 1 FROM reports_live WHERE {old} LIMIT 1

-- name: partitions
SELECT DISTINCT environment, release FROM reports_live WHERE {of_removal}

-- name: delete_rows
-- Deletes the rows of a removal in one partition, unless the removal is over. The name is there to find the mutation by.
ALTER TABLE reports_live DELETE IN PARTITION tuple(%(project)s, %(environment)s, %(release)s)
WHERE {old} AND %(name)s != '' AND (%(number)s, %(cutoff)s) IN (
    SELECT number, toUnixTimestamp64Milli(cutoff) FROM removals
    WHERE project_id = %(project)s GROUP BY number, cutoff HAVING max(finished) = 0
)

-- name: delete_policies
-- Deletes the texts of policies that no report since the cutoff has.
ALTER TABLE policies DELETE WHERE project_id = %(project)s AND hash IN (
    SELECT hash FROM policies WHERE project_id = %(project)s
    GROUP BY hash HAVING max(last_seen) < fromUnixTimestamp64Milli(%(cutoff)s, 'UTC')
)

-- name: mutations
-- The mutations of a removal that ClickHouse remembers, found by the name in their text.
SELECT is_done, latest_fail_reason FROM system.mutations
WHERE database = currentDatabase() AND table = 'reports_live' AND position(command, %(name)s) > 0 AND NOT is_killed
ORDER BY is_done

-- name: latest_number
SELECT max(number) FROM removals WHERE project_id = %(project)s

-- name: unfinished
-- Removals that were begun and not finished.
SELECT
    project_id, number, toUnixTimestamp64Milli(cutoff) AS cutoff_ms,
    max(environment), max(release), sum(reports)
FROM removals GROUP BY project_id, number, cutoff_ms HAVING max(finished) = 0
ORDER BY project_id, number, cutoff_ms
