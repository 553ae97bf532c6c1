-- name: listed
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
    FROM ({{source}})
    GROUP BY fingerprint, day
)
GROUP BY fingerprint

-- name: by_total
{{listed}} ORDER BY total DESC, fingerprint LIMIT %(limit)s

-- name: by_reach
{{listed}} ORDER BY reach DESC NULLS LAST, total DESC, fingerprint LIMIT %(limit)s

-- name: by_last
{{listed}} ORDER BY last DESC, fingerprint LIMIT %(limit)s

-- name: by_first
{{listed}} ORDER BY first DESC, fingerprint LIMIT %(limit)s

-- name: totals
SELECT uniqExact(fingerprint), sum(seen), sumMap(map(toInt64(bars_ago), seen)) FROM ({{source}})

-- name: known
SELECT toInt64(bars_ago), sum(seen) FROM ({{source}}) GROUP BY bars_ago
