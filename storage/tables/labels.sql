-- name: own_document
-- Where a label may depend on the page and the policy: elsewhere they would only tell equal reports apart.
(impossible = 1 AND blocked_host = document_host)

-- name: page
-- The page where a label may depend on more than its host: pages of extensions and apps have only a scheme.
if({own_document} OR document_host = '', document, '')

-- name: said
-- All that a row says and a label may depend on.
kind, directive, blocked, source_file, document_host, {page}, sample, impossible,
browser, browser_version, if({own_document}, policy, 0), mapContains(details, 'collapsed'),
arraySort(arrayFilter(name -> has(%(named)s, name), mapKeys(details))), noise, noise_rule

-- name: key
-- The hash of what a row says. Keyed: else senders could make up two reports that share a label.
sipHash64Keyed((toUInt64(%(first)s), toUInt64(%(second)s)), {said})

-- name: of_day
    project_id = %(project_id)s
    AND window_start >= toDateTime(%(day)s, 'UTC')
    AND window_start < toDateTime(%(day)s, 'UTC') + INTERVAL 1 DAY

-- name: days
SELECT toStartOfDay(window_start) AS day, count() FROM reports
WHERE project_id = %(project_id)s AND window_start >= toDateTime(%(since)s, 'UTC')
GROUP BY day ORDER BY day

-- name: findings
-- What the rows of a day say, one part of them at a time.
SELECT {key} AS key, {said}, any(title), sum(seen) FROM reports
WHERE {of_day} AND key %% %(parts)s = %(part)s
GROUP BY {said}

-- name: pending
-- Changes of labels that ClickHouse is not done with, and why one of them fails.
SELECT count(), anyIf(latest_fail_reason, latest_fail_reason != '') FROM system.mutations
WHERE database = currentDatabase() AND table IN ('reports_live', 'reports_archive') AND NOT is_done
AND command LIKE '%%UPDATE noise%%' AND NOT is_killed

-- name: policies
SELECT hash, any(text) FROM policies WHERE project_id = %(project_id)s AND hash IN %(hashes)s GROUP BY hash

-- name: any_of_day
SELECT 1 FROM {{table}} WHERE {of_day} LIMIT 1

-- name: relabel
-- Changes the labels of rows that still say what they said when the labels were found, unless the note that their
-- findings are to be counted again is finished.
ALTER TABLE {{table}} UPDATE
    noise = transform({key}, %(keys)s, %(classes)s, toString(noise)),
    noise_rule = transform({key}, %(keys)s, %(rules)s, toString(noise_rule)),
    noise_version = %(version)s
WHERE {of_day} AND {key} IN %(keys)s AND %(note)s IN (
    SELECT number FROM finding_rebuilds WHERE project_id = %(project_id)s AND month = %(month)s
    GROUP BY number HAVING max(finished) = 0
)

-- name: of_other_versions
SELECT count() FROM {{table}} WHERE {of_day} AND noise_version != %(version)s

-- name: stamp
ALTER TABLE {{table}} UPDATE noise_version = %(version)s WHERE {of_day} AND noise_version != %(version)s
