-- name: outcomes
-- The outcomes of the payload at an index of an entry.
SELECT
    project_id[%(index)s + 1],
    accepted[%(index)s + 1],
    fingerprint[%(index)s + 1],
    arrayFilter(
        rejection -> rejection.1 = %(index)s,
        arrayZip(rejected_payload, rejected_outcome, rejected_reason, rejected_reports)
    ),
    committed
FROM receipts
WHERE shard = %(shard)s AND ms = %(ms)s AND seq = %(seq)s AND length(project_id) > %(index)s
LIMIT 1

-- name: title
-- The title of a finding among the reports of a span of time.
SELECT title FROM reports
WHERE project_id = %(project)s AND fingerprint = %(fingerprint)s
    AND window_start BETWEEN fromUnixTimestamp64Milli(%(from)s, 'UTC')
        AND fromUnixTimestamp64Milli(%(to)s, 'UTC')
LIMIT 1
