-- name: projects
-- A project as its last change left it. Columns that hold keys are not read: not every analyst may.
SELECT id, argMax(name, revision) AS name FROM projects
GROUP BY id HAVING argMax(status, revision) IN %(states)s ORDER BY id

-- name: of_days
-- Rows of whole days, and how many bars ago they were.
SELECT
    fingerprint, day, intDiv(greatest(toInt32(toDate(intDiv(%(now_ms)s, 1000), 'UTC')) - toInt32(day), 0), %(step_days)s) AS bars_ago,
    environment, release, disposition, noise, noise_rule, impossible, kind, title, directive, blocked, blocked_host,
    first_seen, last_seen, seen, weight, reach, browsers
FROM finding_days
WHERE project_id = %(project_id)s AND day >= toDate(intDiv(%(since_ms)s, 1000), 'UTC') {{conditions}}

-- name: of_reports
-- Rows of windows that ended since then. No window is longer than a day, so that the key finds them.
SELECT
    fingerprint, toDate(window_start) AS day,
    least(intDiv(greatest(
        if(%(whole)s, toUnixTimestamp(toStartOfDay(toDateTime(intDiv(%(now_ms)s, 1000), 'UTC'))) - toUnixTimestamp(toStartOfDay(window_start)), 0) * 1000
        + if(%(whole)s, 0, %(now_ms)s - toUnixTimestamp64Milli(last_seen)), 0
    ), %(step_ms)s), %(last_bar)s) AS bars_ago,
    environment, release, disposition, noise, noise_rule, impossible, kind, title, directive, blocked, blocked_host,
    first_seen, last_seen, seen, weight, reach, map(toString(browser), seen) AS browsers
FROM reports
WHERE project_id = %(project_id)s AND window_start >= fromUnixTimestamp64Milli(%(since_ms)s - if(%(whole)s, 0, 86400000), 'UTC')
    AND last_seen >= fromUnixTimestamp64Milli(%(since_ms)s, 'UTC') {{conditions}}

-- name: fingerprint
AND fingerprint = %(fingerprint)s

-- name: without_noise
AND noise = '' AND impossible = 0

-- name: environment
AND environment IN %(environment)s

-- name: not_environment
AND environment NOT IN %(not_environment)s

-- name: release
AND release IN %(release)s

-- name: not_release
AND release NOT IN %(not_release)s

-- name: kind
AND kind IN %(kind)s

-- name: not_kind
AND kind NOT IN %(not_kind)s

-- name: folded_directive
-- Of all reports of a finding the same: as in fingerprints, the directive of elements is that of older browsers.
multiIf(directive = 'script-src-elem', 'script-src', directive = 'style-src-elem', 'style-src', directive)

-- name: directive
AND {folded_directive} IN %(directive)s

-- name: not_directive
AND {folded_directive} NOT IN %(not_directive)s

-- name: disposition
AND disposition IN %(disposition)s

-- name: not_disposition
AND disposition NOT IN %(not_disposition)s

-- name: host
-- The host of what was blocked; of a report on a certificate or a connection, the host that it concerns.
AND (
    has(%(host)s, if(blocked_host = '', hostname, blocked_host))
    OR arrayExists(domain -> endsWith(if(blocked_host = '', hostname, blocked_host), domain), %(host_below)s)
)

-- name: not_host
AND NOT (
    has(%(not_host)s, if(blocked_host = '', hostname, blocked_host))
    OR arrayExists(domain -> endsWith(if(blocked_host = '', hostname, blocked_host), domain), %(not_host_below)s)
)

-- name: document_host
AND (
    has(%(document_host)s, document_host)
    OR arrayExists(domain -> endsWith(document_host, domain), %(document_host_below)s)
)

-- name: not_document_host
AND NOT (
    has(%(not_document_host)s, document_host)
    OR arrayExists(domain -> endsWith(document_host, domain), %(not_document_host_below)s)
)
