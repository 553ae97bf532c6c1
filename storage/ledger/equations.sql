-- name: outcomes
-- Reports by project, and how many of them were accepted.
SELECT project_id, sum(quantity), sumIf(quantity, outcome = 'accepted')
FROM outcomes WHERE outcome != 'refused' GROUP BY project_id

-- name: settled
-- Differences with a known reason, by project and equation.
SELECT project_id, equation, sum(amount) AS total FROM settlements
GROUP BY project_id, equation HAVING total != 0

-- name: seen
-- Reports in the table of reports by project, removed ones included. Rows that an unfinished removal is about to take
-- are counted in the removal already.
WITH removed AS (
    SELECT
        project_id, number, cutoff, max(environment) AS environment, max(release) AS release,
        sum(reports) AS reports, max(finished) AS finished
    FROM removals GROUP BY project_id, number, cutoff
), open AS (
    SELECT project_id, environment, release, max(cutoff) AS going FROM (
        SELECT project_id, environment, release, cutoff FROM removed WHERE NOT finished AND number > 0
        UNION ALL
        SELECT DISTINCT project_id, environment, release, cutoff FROM reports INNER JOIN (
            SELECT project_id, cutoff FROM removed WHERE NOT finished AND number = 0
        ) AS of_older_releases USING (project_id)
    )
    GROUP BY project_id, environment, release
)
SELECT project_id, sum(seen) FROM (
    SELECT project_id, toInt64(seen) AS seen FROM reports
    WHERE (project_id, environment, release) NOT IN (SELECT project_id, environment, release FROM open)
    UNION ALL
    SELECT project_id, toInt64(seen) AS seen FROM reports
    INNER JOIN open USING (project_id, environment, release) WHERE window_start >= going
    UNION ALL
    SELECT project_id, reports AS seen FROM removed
)
GROUP BY project_id

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
