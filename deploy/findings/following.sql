-- name: row_key
-- A row of `reports`, however it is merged.
cityHash64(environment, release, window_start, kind, fingerprint, identity)

-- name: day_key
cityHash64('day', toDate(window_start), environment, release, disposition, fingerprint)

-- name: of_project
FROM reports WHERE project_id = %(project_id)s {{conditions}}

-- name: newest
SELECT {row_key} AS key, window_start {of_project}
    AND window_start >= fromUnixTimestamp64Milli(%(since_ms)s - 86400000, 'UTC')
    AND last_seen >= fromUnixTimestamp64Milli(%(since_ms)s, 'UTC')
GROUP BY key, window_start ORDER BY max(last_seen) DESC, key LIMIT %(limit)s

-- name: few
SELECT count() <= %(few)s FROM (
    SELECT 1 {of_project} AND window_start >= fromUnixTimestamp64Milli(%(floor_ms)s, 'UTC') LIMIT %(few)s + 1
)

-- name: limit
-- No window is longer than a day.
SELECT if(count() = 0, 0, toUnixTimestamp64Milli(min(window_start))) {of_project}
    AND window_start >= fromUnixTimestamp64Milli(%(recent_ms)s - 86400000, 'UTC')
    AND last_seen >= fromUnixTimestamp64Milli(%(recent_ms)s, 'UTC')

-- name: sums
-- Each sum by its key of the last look and by that of the next one.
SELECT if(was_row, row_key, day_key) AS old_key, was_row, if(is_row, row_key, day_key) AS new_key, is_row, sum(seen)
FROM (
    SELECT
        {row_key} AS row_key, {day_key} AS day_key, seen,
        toUnixTimestamp64Milli(window_start) >= %(before_ms)s AS was_row,
        toUnixTimestamp64Milli(window_start) >= %(after_ms)s AS is_row
    {of_project} AND window_start >= fromUnixTimestamp64Milli(%(floor_ms)s, 'UTC')
)
GROUP BY old_key, was_row, new_key, is_row

-- name: columns
any(fingerprint), any(window_start), min(first_seen), max(last_seen), any(environment), any(release), any(kind),
argMax(disposition, last_seen), argMax(title, last_seen), argMax(directive, last_seen), argMax(blocked, last_seen),
argMax(blocked_host, last_seen), argMax(document, last_seen), argMax(source_file, last_seen), argMax(line, last_seen),
argMax(`column`, last_seen), argMax(sample, last_seen), argMax(hostname, last_seen), argMax(browser, last_seen),
argMax(browser_version, last_seen), argMax(os, last_seen), argMax(noise, last_seen), argMax(noise_rule, last_seen),
argMax(impossible, last_seen)

-- name: rows
SELECT {row_key} AS key, {columns} {of_project}
    AND window_start >= fromUnixTimestamp64Milli(%(limit_ms)s, 'UTC') AND key IN %(keys)s
GROUP BY key

-- name: days
SELECT {day_key} AS key, {columns} {of_project}
    AND window_start >= fromUnixTimestamp64Milli(%(floor_ms)s, 'UTC')
    AND window_start < fromUnixTimestamp64Milli(%(limit_ms)s, 'UTC') AND key IN %(keys)s
GROUP BY key
