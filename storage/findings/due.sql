-- name: open
-- Months that are to be counted again, each with the numbers of its notes.
SELECT project_id, month, groupArray(number) FROM (
    SELECT project_id, month, number FROM finding_rebuilds
    GROUP BY project_id, month, number HAVING max(finished) = 0
    ORDER BY number
)
GROUP BY project_id, month ORDER BY project_id, month
