-- name: seed
-- The reports of a project, on some days before today: findings and pages follow Zipf's law, three releases come a day and their pages stay open
-- for a while, one finding in three came with a release, one in three is noise, and a row stands for six reports or so,
-- some for hundreds.
INSERT INTO {{table}} (
    project_id, environment, release, kind, disposition, window_start, first_seen, last_seen, seen, weight, reach,
    fingerprint, identity, title, directive, blocked, blocked_host, document, document_host, referrer_host,
    source_file, line, `column`, sample, policy, browser, browser_version, os, status_code, noise, noise_rule,
    noise_version, impossible, allowed, raw
)
WITH
    toUInt64(%(project)s) AS p,
    %(first)s + number %% (%(last)s - %(first)s + 1) AS ago,
    toDate(%(today)s) - ago AS date,
    arrayMap(salt -> sipHash64(number, salt, p, date) / 18446744073709551616., range(1, 18)) AS u,
    toUnixTimestamp(date) * 1000 + toUInt64(u[1] * 86400000) AS at,
    toInt64(at / 28800000) - toInt64(floor(-log(u[2]) * 0.8)) AS deploy,
    toUInt64(pow(3000, u[3])) AS ranked,
    if(
        sipHash64(ranked, 'new', p) %% 3 = 0 AND sipHash64(ranked, 'born', p) %% 30 < ago,
        3001 + ranked %% 20, ranked
    ) AS f,
    sipHash64(f, 'fingerprint', p) AS finding,
    [
        'script-src-elem', 'script-src', 'img-src', 'connect-src', 'style-src-elem', 'font-src', 'frame-src',
        'script-src-attr'
    ][1 + finding %% 8] AS effective,
    sipHash64(f, 'inline', p) %% 4 = 0 AS inline,
    concat('cdn', toString(sipHash64(f, 'host', p) %% 800), '.example') AS third,
    concat('https://', third, '/assets/', lower(hex(sipHash64(f, 'path', p) %% 65536)), '/bundle.js') AS url,
    if(inline, 'inline', url) AS what,
    concat('www.site', toString(p), '.example') AS host,
    toUInt64(pow(400, u[5])) AS page,
    ['/', '/products/', '/account/', '/checkout/', '/blog/'][1 + sipHash64(page, 'page', p) %% 5] AS folder,
    concat('https://', host, folder, 'page-', toString(page)) AS address,
    ['Chrome', 'Safari', 'Edge', 'Firefox', 'Samsung Internet', 'Chrome Mobile'][toUInt64(pow(7, u[6]))] AS agent,
    toString(140 + toUInt64(pow(12, u[7]))) AS version,
    sipHash64(f, 'line', p) %% 400 + toUInt64(u[9] * 3) AS at_line,
    sipHash64(f, 'column', p) %% 5000 AS at_column,
    concat('https://', host, '/static/app.', lower(hex(sipHash64(deploy, 'app', p) %% 16777216)), '.js') AS script,
    least(5000, toUInt64(2 * pow(u[10], -0.7))) AS n,
    if(
        sipHash64(f, 'noise', p) %% 3 = 0 AND f > 5,
        ['extension', 'injected', 'crawler'][1 + sipHash64(f, 'class', p) %% 3], ''
    ) AS class,
    if(sipHash64(f, 'disposition', p) %% 10 < 7, 'enforce', 'report') AS said,
    concat(
        'default-src ''self''; script-src ''self'' ''nonce-'' https://www.googletagmanager.com https://cdn.site',
        toString(p), '.example ''strict-dynamic''; style-src ''self'' ''unsafe-inline'' https://fonts.googleapis.com; ',
        'img-src ''self'' data: https:; connect-src ''self'' https://api.site', toString(p),
        '.example; font-src ''self'' https://fonts.gstatic.com; frame-ancestors ''none''; ',
        'report-uri https://reports.example/api/', toString(p), '/security/?sentry_release=', toString(deploy)
    ) AS text
SELECT
    p, if(u[11] < 0.92, 'production', 'staging'), toString(deploy), 'csp', said,
    fromUnixTimestamp64Milli(toInt64(intDiv(at, 60000) * 60000), 'UTC'),
    fromUnixTimestamp64Milli(toInt64(at), 'UTC'),
    fromUnixTimestamp64Milli(toInt64(if(n = 1, at, at + u[12] * (59999 - at %% 60000))), 'UTC'),
    n, n,
    bitOr(
        bitShiftLeft(toUInt128(1), toUInt8(u[13] * 112)),
        if(n > 1 AND u[16] < 0.9, bitShiftLeft(toUInt128(1), toUInt8(u[14] * 112)), toUInt128(0))
    ),
    finding, sipHash64(number, 'identity', p, date),
    concat('Blocked ', if(inline, 'inline script', concat('script from ', third))), effective, what,
    if(inline, '', third), address, host, if(u[15] < 0.3, 'www.search.example', host), script, at_line, at_column,
    if(inline, substring(lower(hex(sipHash64(f, 'sample', p))), 1, 16), ''), sipHash64(deploy, 'policy', p), agent,
    version, ['Windows', 'Mac OS X', 'Android', 'iOS', 'Linux'][toUInt64(pow(6, u[8]))], 200, class,
    if(class = '', '', concat(class, '-', toString(sipHash64(f, 'rule', p) %% 20))), '2026.11', f %% 97 = 0,
    f %% 97 = 0,
    if(
        agent IN ('Firefox', 'Safari'),
        concat(
            '{{{{"csp-report":{{{{"document-uri":"', address, '","referrer":"","violated-directive":"', effective,
            '","effective-directive":"', effective, '","original-policy":"', text, '","disposition":"', said,
            '","blocked-uri":"', what, '","line-number":', toString(at_line), ',"column-number":', toString(at_column),
            ',"source-file":"', script, '","status-code":200,"script-sample":""}}}}}}}}'
        ),
        concat(
            '{{{{"age":', toString(toUInt64(u[16] * 60000)), ',"body":{{{{"blockedURL":"', what, '","columnNumber":',
            toString(at_column), ',"disposition":"', said, '","documentURL":"', address, '","effectiveDirective":"',
            effective, '","lineNumber":', toString(at_line), ',"originalPolicy":"', text, '","referrer":"https://', host,
            '/","sample":"","sourceFile":"', script, '","statusCode":200}}}},"type":"csp-violation","url":"', address,
            '","user_agent":"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/',
            version, '.0.0.0 Safari/537.36"}}}}'
        )
    )
FROM numbers(%(rows)s)
SETTINGS max_partitions_per_insert_block = 0

-- name: create_plain
-- What most systems store: a row a report. It has what the questions ask, and no raw report.
CREATE TABLE plain
(
    project_id UInt64, time DateTime64(3, 'UTC'), environment LowCardinality(String), release LowCardinality(String),
    kind LowCardinality(String), disposition LowCardinality(String), fingerprint UInt64, title String,
    directive LowCardinality(String), blocked String, blocked_host String, document String,
    browser LowCardinality(String), noise LowCardinality(String), noise_rule LowCardinality(String), impossible UInt8
)
ENGINE = MergeTree ORDER BY (project_id, time)

-- name: fill_plain
INSERT INTO plain
SELECT
    project_id,
    fromUnixTimestamp64Milli(toUnixTimestamp64Milli(first_seen) + toInt64(
        each * (toUnixTimestamp64Milli(last_seen) - toUnixTimestamp64Milli(first_seen)) / seen
    ), 'UTC'),
    environment, release, kind, disposition, fingerprint, title, directive, blocked, blocked_host, document, browser,
    noise, noise_rule, impossible
FROM reports ARRAY JOIN range(seen) AS each
WHERE project_id = %(project)s

-- name: fill_findings
INSERT INTO finding_days (
    project_id, day, fingerprint, environment, release, disposition, noise, noise_rule, impossible, kind, title,
    directive, blocked, blocked_host, first_seen, last_seen, seen, weight, reach, browsers, documents
)
SELECT
    project_id, toDate(window_start) AS day, fingerprint, environment, release, disposition, noise, noise_rule,
    impossible, min(kind), min(title), min(directive), min(blocked), min(blocked_host), min(first_seen),
    max(last_seen), sum(seen), sum(weight), groupBitOr(reach), sumMap(map(toString(browser), seen)),
    minMap(map(toUInt8(xxHash64(document) %% 8), document))
FROM reports WHERE project_id = %(project)s
GROUP BY project_id, day, fingerprint, environment, release, disposition, noise, noise_rule, impossible

-- name: optimize
OPTIMIZE TABLE {{table}} FINAL

-- name: some
SELECT
    topKWeighted(1)(fingerprint, seen)[1],
    (SELECT release FROM finding_days WHERE project_id = 1 AND environment = 'production'
        GROUP BY release ORDER BY min(first_seen) DESC LIMIT 1 OFFSET 3)
FROM finding_days WHERE project_id = 1 AND noise = '' AND impossible = 0

-- name: day_ours
SELECT
    fingerprint, min(kind), min(title), min(directive), min(blocked), min(blocked_host), min(first_seen), max(last_seen),
    sum(total) AS reports, max(reach), sumMap(by_release), sumMap(dispositions), sumMap(browsers), groupUniqArrayArray(documents)
FROM findings_by_day WHERE project_id = 1 AND day >= toDate(toDateTime64(%(now)s, 3, 'UTC') - INTERVAL 1 DAY)
GROUP BY fingerprint ORDER BY reports DESC LIMIT 20

-- name: recent_ours
SELECT * FROM findings WHERE project_id = 1 AND last_seen > toDateTime64(%(now)s, 3, 'UTC') - INTERVAL 1 DAY
ORDER BY total DESC LIMIT 20

-- name: month_ours
SELECT * FROM findings WHERE project_id = 1 ORDER BY total DESC LIMIT 20

-- name: brought_ours
SELECT * FROM new_in_release
WHERE project_id = 1 AND environment = 'production' AND release = %(release)s ORDER BY total DESC LIMIT 20

-- name: trend_ours
SELECT day, total FROM findings_by_day WHERE project_id = 1 AND fingerprint = %(fingerprint)s ORDER BY day

-- name: findings_plain
SELECT
    fingerprint, any(kind), any(title), any(directive), any(blocked), any(blocked_host), min(time), max(time),
    groupUniqArray(release), groupUniqArray(environment), count() AS total, sumMap(map(toString(disposition), 1)),
    sumMap(map(toString(browser), 1)), groupUniqArray(8)(document)
FROM plain WHERE project_id = 1 AND noise = '' AND impossible = 0 GROUP BY fingerprint

-- name: day_plain
SELECT
    fingerprint, any(kind), any(title), any(directive), any(blocked), any(blocked_host), min(time), max(time),
    count() AS total, sumMap(map(toString(release), 1)), sumMap(map(toString(disposition), 1)),
    sumMap(map(toString(browser), 1)), groupUniqArray(8)(document)
FROM plain
WHERE project_id = 1 AND noise = '' AND impossible = 0 AND time > toDateTime64(%(now)s, 3, 'UTC') - INTERVAL 1 DAY
GROUP BY fingerprint ORDER BY total DESC LIMIT 20

-- name: recent_plain
{findings_plain} HAVING max(time) > toDateTime64(%(now)s, 3, 'UTC') - INTERVAL 1 DAY ORDER BY total DESC LIMIT 20

-- name: month_plain
{findings_plain} ORDER BY total DESC LIMIT 20

-- name: brought_plain
WITH (
    SELECT min(time) FROM plain WHERE project_id = 1 AND environment = 'production' AND release = %(release)s
) AS began
SELECT
    fingerprint, any(kind), any(title), any(directive), any(blocked), any(blocked_host), min(time), max(time),
    count() AS total
FROM plain
WHERE project_id = 1 AND environment = 'production' AND release = %(release)s AND noise = '' AND impossible = 0
    AND fingerprint NOT IN (
        SELECT fingerprint FROM plain
        WHERE project_id = 1 AND environment = 'production' AND noise = '' AND impossible = 0 AND release IN (
            SELECT release FROM plain WHERE project_id = 1 AND environment = 'production'
            GROUP BY release HAVING min(time) < began
        )
    )
GROUP BY fingerprint ORDER BY total DESC LIMIT 20

-- name: trend_plain
SELECT toDate(time) AS day, count() FROM plain WHERE project_id = 1 AND fingerprint = %(fingerprint)s
GROUP BY day ORDER BY day

-- name: stored
SELECT sumIf(rows, table LIKE 'reports%%'), sumIf(bytes_on_disk, table LIKE 'reports%%'), sum(bytes_on_disk)
FROM system.parts
WHERE active AND database = currentDatabase()
    AND table IN ('reports_live', 'reports_archive', 'finding_days', 'policy_days')

-- name: reports
SELECT sum(seen) FROM reports

-- name: partitions
SELECT partition_id, sum(rows) AS stored FROM system.parts
WHERE active AND database = currentDatabase() AND table = 'reports_live'
GROUP BY partition_id ORDER BY stored DESC

-- name: drop
ALTER TABLE reports_live DROP PARTITION ID %(partition)s
