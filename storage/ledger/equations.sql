-- name: outcomes
-- Reports by project, and how many of them were accepted.
SELECT project_id, sum(quantity), sumIf(quantity, outcome = 'accepted')
FROM outcomes WHERE outcome != 'refused' GROUP BY project_id

-- name: settled
-- Differences with a known reason, by project and equation.
SELECT project_id, equation, sum(amount) AS total FROM settlements
GROUP BY project_id, equation HAVING total != 0

-- name: removed
-- Reports that were removed, by project.
SELECT project_id, sum(reports) FROM removals GROUP BY project_id

-- name: going
-- Pairs of which a removal that is not finished is about to take rows: those of before a time. They are counted in the
-- removal already.
removed AS (
    SELECT
        project_id, number, cutoff, max(finished) AS finished, groupUniqArrayArray(pairs) AS named,
        if(empty(named), [(max(environment), max(release))], named) AS of_pairs
    FROM removals GROUP BY project_id, number, cutoff
), open AS (
    SELECT project_id, environment, release, max(cutoff) AS going FROM (
        SELECT project_id, pair.1 AS environment, pair.2 AS release, cutoff
        FROM removed ARRAY JOIN of_pairs AS pair WHERE NOT finished AND number > 0
        UNION ALL
        SELECT DISTINCT project_id, environment, release, cutoff FROM reports INNER JOIN (
            SELECT project_id, cutoff FROM removed WHERE NOT finished AND number = 0
        ) AS of_older_releases USING (project_id)
    )
    GROUP BY project_id, environment, release
)

-- name: seen
-- Reports in the table of reports by project, month and label, without those that are about to go.
WITH {going}
SELECT project_id, month, (noise_rule, impossible), sum(seen) FROM (
    SELECT project_id, toYYYYMM(toDate(window_start)) AS month, noise_rule, impossible, toInt64(seen) AS seen
    FROM reports
    WHERE (project_id, environment, release) NOT IN (SELECT project_id, environment, release FROM open)
    UNION ALL
    SELECT project_id, toYYYYMM(toDate(window_start)) AS month, noise_rule, impossible, toInt64(seen) AS seen
    FROM reports INNER JOIN open USING (project_id, environment, release) WHERE window_start >= going
)
GROUP BY project_id, month, noise_rule, impossible

-- name: found
-- Likewise those that findings tell of.
WITH {going}
SELECT project_id, month, (noise_rule, impossible), sum(seen) FROM (
    SELECT project_id, toYYYYMM(day) AS month, noise_rule, impossible, toInt64(seen) AS seen
    FROM finding_days
    WHERE (project_id, environment, release) NOT IN (SELECT project_id, environment, release FROM open)
    UNION ALL
    SELECT project_id, toYYYYMM(day) AS month, noise_rule, impossible, toInt64(seen) AS seen
    FROM finding_days INNER JOIN open USING (project_id, environment, release)
    WHERE toDateTime64(day, 3, 'UTC') >= going
)
GROUP BY project_id, month, noise_rule, impossible

-- name: quarantined
-- Rows in the quarantine by project. Rows that are about to leave are counted as gone already.
SELECT project_id, count() FROM quarantine
WHERE item > 0 AND (receipt, item) NOT IN %(replayed)s AND (receipt, item) NOT IN (
    SELECT receipt, item FROM leaving WHERE step NOT IN (SELECT step FROM departures WHERE cause != '')
)
GROUP BY project_id

-- name: left
-- Rows that left the quarantine, by project and cause.
SELECT project_id, toString(cause) AS why, sum(rows) FROM (
    SELECT project_id, cause, rows FROM departures
    UNION ALL
    SELECT project_id, cause, uniqExact(receipt, item) AS rows FROM leaving
    WHERE item > 0 AND step NOT IN (SELECT step FROM departures WHERE cause != '')
    GROUP BY project_id, cause
)
GROUP BY project_id, why
