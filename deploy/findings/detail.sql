-- name: identify
SELECT fingerprint, min(title) FROM finding_days
WHERE project_id = %(project_id)s AND (
    fingerprint BETWEEN toUInt64(%(low)s) AND toUInt64(%(high)s)
    OR (%(decimal)s != '' AND startsWith(toString(fingerprint), %(decimal)s))
)
GROUP BY fingerprint ORDER BY fingerprint LIMIT %(limit)s

-- name: last_seen
SELECT max(last_seen) FROM ({{source}})

-- name: days
SELECT day, sum(seen), reachOf(groupBitOr(reach)) FROM ({{source}}) GROUP BY day ORDER BY day

-- name: bars
SELECT toInt64(bars_ago), sum(seen) FROM ({{source}}) GROUP BY bars_ago

-- name: releases
-- The first ones that had it, and whether they brought it.
SELECT
    s.environment, s.release, sum(s.seen), min(s.first_seen) AS first, max(s.last_seen), max(b.fingerprint != 0)
FROM ({{source}}) AS s
LEFT JOIN (
    SELECT environment, release, fingerprint FROM new_in_release
    WHERE project_id = %(project_id)s AND fingerprint = %(fingerprint)s AND earlier_releases != 0
) AS b ON b.environment = s.environment AND b.release = s.release
GROUP BY s.environment, s.release ORDER BY first, s.environment, s.release LIMIT %(limit)s

-- name: new_in
SELECT environment, release, earlier_releases FROM new_in_release
WHERE project_id = %(project_id)s AND fingerprint = %(fingerprint)s AND earlier_releases != 0
ORDER BY release_began, environment

-- name: labels
SELECT noise, noise_rule, impossible, sum(seen) AS total FROM ({{source}})
GROUP BY noise, noise_rule, impossible ORDER BY total DESC, noise, noise_rule

-- name: bars_ago
intDiv(greatest(toInt32(toDate(intDiv(%(now_ms)s, 1000), 'UTC')) - toInt32(toDate(window_start)), 0), %(step_days)s)

-- name: of_reports
FROM reports
WHERE project_id = %(project_id)s AND window_start >= fromUnixTimestamp64Milli(%(since_ms)s, 'UTC') {{conditions}}

-- name: documents
SELECT document, sum(seen) AS total, max(last_seen), sumMap(map(toInt64({bars_ago}), seen)) {of_reports}
GROUP BY document ORDER BY total DESC, document LIMIT %(limit)s

-- name: systems
SELECT toString(os), sum(seen) AS total {of_reports} GROUP BY os ORDER BY total DESC, os LIMIT %(limit)s

-- name: policies
SELECT r.policy, r.disposition, r.total, r.first, r.last, p.text
FROM (
    SELECT policy, disposition, sum(seen) AS total, min(first_seen) AS first, max(last_seen) AS last {of_reports}
    AND policy != 0
    GROUP BY policy, disposition ORDER BY total DESC, policy LIMIT %(limit)s
) AS r
LEFT JOIN (
    SELECT hash AS policy, any(text) AS text FROM policies WHERE project_id = %(project_id)s GROUP BY hash
) AS p ON p.policy = r.policy
ORDER BY r.total DESC, r.policy

-- name: example
SELECT
    last_seen, environment, release, document, referrer_host, blocked, source_file, line, `column`, sample, hostname,
    port, browser, browser_version, os, status_code, details, raw, window_start, identity
{of_reports} ORDER BY last_seen DESC, identity LIMIT 1
