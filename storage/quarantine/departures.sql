-- name: latest_step
SELECT greatest((SELECT max(step) FROM departures), (SELECT max(step) FROM leaving))

-- name: open_steps
-- Steps that named rows and have not counted them as gone.
SELECT step, any(cause) FROM leaving
WHERE step NOT IN (SELECT step FROM departures WHERE cause != '') GROUP BY step ORDER BY step

-- name: closed_steps
-- Steps that are counted, and whose names are still there.
SELECT DISTINCT step FROM leaving WHERE step IN (SELECT step FROM departures WHERE cause != '')

-- name: name_rows
-- Names rows that meet a condition, which the module puts in, unless a later step has begun.
INSERT INTO leaving (step, cause, project_id, received, receipt, item, reason)
SELECT %(step)s, %(cause)s, project_id, received, receipt, item, reason FROM quarantine
WHERE ({{where}}) AND (SELECT max(step) FROM departures) <= %(step)s
LIMIT %(most)s

-- name: named
SELECT received, receipt, item, reason FROM leaving WHERE step = %(step)s

-- name: any_named
{named} LIMIT 1

-- name: of_step
-- The condition that a row was named by a step.
(received, receipt, item, reason) IN ({named})

-- name: any_left
SELECT 1 FROM quarantine WHERE {of_step} LIMIT 1

-- name: whole_parts
-- Parts in which every row was named: they can be dropped, which takes no room.
SELECT _part FROM quarantine GROUP BY _part HAVING countIf(NOT ({of_step})) = 0

-- name: drop_part
ALTER TABLE quarantine DROP PART %(part)s

-- name: delete_rows
DELETE FROM quarantine WHERE {of_step}

-- name: gone
-- Rows of a step that are gone, by project. Rows without a number are not counted in the ledger.
SELECT project_id, uniqExact(receipt, item) FROM leaving
WHERE step = %(step)s AND item > 0 AND (receipt, item) NOT IN (
    SELECT receipt, item FROM quarantine
    WHERE receipt IN (SELECT receipt FROM leaving WHERE step = %(step)s)
)
GROUP BY project_id

-- name: forget_step
ALTER TABLE leaving DROP PARTITION %(step)s
