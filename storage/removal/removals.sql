-- name: old
-- The condition that a row of reports is below the cutoff of a removal.
project_id = %(project)s AND window_start < fromUnixTimestamp64Milli(%(cutoff)s, 'UTC')

-- name: old_day
-- Likewise for a row of findings or policies of a day: the cutoff is a midnight.
project_id = %(project)s AND day < toDate(fromUnixTimestamp64Milli(%(cutoff)s, 'UTC'))

-- name: of_pairs
-- The condition that a row is of the pairs of a removal; one of an older release may be of all (number 0).
(%(number)s = 0 OR (environment, release) IN %(pairs)s)

-- name: count_reports
SELECT sum(seen) FROM reports WHERE {old} AND {of_pairs}

-- name: pairs
-- The pairs that have reports below a cutoff, of those that a rule speaks of and no rule of a higher rank.
SELECT DISTINCT environment, release FROM reports
WHERE project_id = %(project)s AND window_start < fromUnixTimestamp64Milli(%(cutoff)s, 'UTC')
    AND (%(environment)s IS NULL OR environment = %(environment)s)
    AND (%(release)s IS NULL OR release = %(release)s)
    AND NOT arrayExists(
        other -> (NOT other.1 OR environment = other.2) AND (NOT other.3 OR release = other.4), %(others)s
    )
ORDER BY environment, release

-- name: partitions_reports_live
SELECT DISTINCT _partition_id FROM reports_live WHERE {old} AND {of_pairs}

-- name: partitions_reports_archive
SELECT DISTINCT _partition_id FROM reports_archive WHERE {old} AND {of_pairs}

-- name: partitions_finding_days
SELECT DISTINCT _partition_id FROM finding_days WHERE {old_day} AND {of_pairs}

-- name: partitions_policy_days
SELECT DISTINCT _partition_id FROM policy_days WHERE {old_day} AND {of_pairs}

-- name: open
-- The condition that a removal is not over. The name is there to find the mutation by.
%(name)s != '' AND (%(number)s, %(cutoff)s) IN (
    SELECT number, toUnixTimestamp64Milli(cutoff) FROM removals
    WHERE project_id = %(project)s GROUP BY number, cutoff HAVING max(finished) = 0
)

-- name: delete
-- Deletes the rows of a removal in some partitions of a table, unless the removal is over. One statement is one
-- mutation: ClickHouse takes it as a whole.
ALTER TABLE {{table}} {{commands}}

-- name: delete_reports
DELETE IN PARTITION ID {{partition}} WHERE {old} AND {of_pairs} AND {open}

-- name: delete_days
DELETE IN PARTITION ID {{partition}} WHERE {old_day} AND {of_pairs} AND {open}

-- name: delete_policies
-- Deletes the texts of policies that no report since the cutoff has.
ALTER TABLE policies DELETE WHERE project_id = %(project)s AND hash IN (
    SELECT hash FROM policies WHERE project_id = %(project)s
    GROUP BY hash HAVING max(last_seen) < fromUnixTimestamp64Milli(%(cutoff)s, 'UTC')
)

-- name: mutations
-- The mutations of a removal that ClickHouse remembers, found by the name in their text.
SELECT table, is_done, latest_fail_reason FROM system.mutations
WHERE database = currentDatabase() AND position(command, %(name)s) > 0 AND NOT is_killed
    AND table IN ('reports_live', 'reports_archive', 'finding_days', 'policy_days')
ORDER BY is_done

-- name: latest_number
SELECT max(number) FROM removals WHERE project_id = %(project)s

-- name: unfinished
-- Removals that were begun and not finished.
SELECT
    project_id, number, toUnixTimestamp64Milli(cutoff) AS cutoff_ms,
    if(
        number = 0 OR notEmpty(groupUniqArrayArray(pairs)),
        arraySort(groupUniqArrayArray(pairs)), [(max(environment), max(release))]
    ),
    sum(reports), max(dropped), max(last_block)
FROM removals GROUP BY project_id, number, cutoff_ms HAVING max(finished) = 0
ORDER BY project_id, number, cutoff_ms
