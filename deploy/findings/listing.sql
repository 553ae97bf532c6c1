-- name: listed
-- Everything of some findings, which were ranked before: of all findings it would take long.
-- First a row for each finding, day and bar: only within a day may sketches be merged.
SELECT
    fingerprint, min(of_kind) AS kind, min(of_title) AS title, min(of_directive) AS directive,
    min(of_blocked) AS blocked, min(of_host) AS blocked_host, sum(of_seen) AS total, sum(of_weight) AS weight,
    nullIf(toUInt64(least(
        toFloat64(max(ifNull(reachOf(of_reach), 0))), greatest(ceil(weight), toFloat64(total))
    )), 0) AS reach,
    min(of_first) AS first, max(of_last) AS last,
    arraySort(groupUniqArrayArray(of_releases)) AS releases, arraySort(groupUniqArrayArray(of_environments)) AS environments,
    sumMap(of_dispositions) AS dispositions, sumMap(of_browsers) AS browsers,
    arraySort(groupUniqArrayArray(of_labels)) AS labels, sumMap(of_bars) AS bars
FROM (
    SELECT
        fingerprint, day, min(kind) AS of_kind, min(title) AS of_title, min(directive) AS of_directive,
        min(blocked) AS of_blocked, min(blocked_host) AS of_host, sum(seen) AS of_seen, sum(weight) AS of_weight,
        groupBitOr(reach) AS of_reach, min(first_seen) AS of_first, max(last_seen) AS of_last,
        groupUniqArray(release) AS of_releases, groupUniqArray(environment) AS of_environments,
        sumMap(map(toString(disposition), seen)) AS of_dispositions, sumMap(browsers) AS of_browsers,
        groupUniqArray(if(impossible = 1, 'impossible', toString(noise))) AS of_labels,
        sumMap(map(toInt64(bars_ago), seen)) AS of_bars
    FROM ({{source}}) WHERE fingerprint IN %(fingerprints)s
    GROUP BY fingerprint, day
)
GROUP BY fingerprint

-- name: by_total
SELECT fingerprint FROM ({{source}}) GROUP BY fingerprint
ORDER BY sum(seen) DESC, fingerprint LIMIT %(limit)s

-- name: by_reach
-- The reach of no finding is above the number of its reports.
SELECT fingerprint FROM (
    SELECT
        fingerprint, day, ifNull(reachOf(groupBitOr(reach)), 0) AS people, sum(seen) AS of_seen, sum(weight) AS of_weight
    FROM ({{source}}) GROUP BY fingerprint, day
)
GROUP BY fingerprint
ORDER BY
    least(toFloat64(max(people)), greatest(ceil(sum(of_weight)), toFloat64(sum(of_seen)))) DESC,
    sum(of_seen) DESC, fingerprint
LIMIT %(limit)s

-- name: by_last
SELECT fingerprint FROM ({{source}}) GROUP BY fingerprint ORDER BY max(last_seen) DESC, fingerprint LIMIT %(limit)s

-- name: by_first
SELECT fingerprint FROM ({{source}}) GROUP BY fingerprint ORDER BY min(first_seen) DESC, fingerprint LIMIT %(limit)s

-- name: findings
SELECT uniqExact(fingerprint) FROM ({{source}})

-- name: reports
SELECT toInt64(bars_ago) AS ago, sum(seen) FROM ({{source}}) GROUP BY ago
