-- name: reports
-- What a row says follows from its number alone, whatever columns the state has for it.
INSERT INTO {{table}} (
    project_id, environment, release, kind, disposition, window_start, first_seen, last_seen, seen, weight,
    fingerprint, identity, title, directive, blocked, blocked_host, document, document_host, policy, browser, noise, noise_rule,
    impossible{{columns}}
)
WITH
    toDateTime64('2026-08-20 23:50:00', 3, 'UTC') + toIntervalHour(number * 19 % 1900) AS at,
    number % 3 = 0 AS by_extension, number % 5 = 0 AS matched
SELECT
    1 + number % 3, ['production', '', 'staging'][1 + number % 3], toString(number % 4), 'csp',
    ['enforce', 'report'][1 + number % 2], at, at, at + toIntervalSecond(number % 40), 1 + number % 5,
    toFloat64(2 * (1 + number % 5)), number % 7, number, concat('Blocked ', toString(number % 7)), 'script-src',
    if(matched AND number % 2 = 0, 'https://cdn.test/x', 'inline'), if(matched AND number % 2 = 0, 'cdn.test', ''),
    concat('https://a.test/', toString(number % 11)), 'a.test', number % 4, ['Firefox', 'Chrome'][1 + number % 2],
    if(by_extension, 'extension', ''), if(by_extension, 'ext-1', ''), {{impossible}}
FROM numbers(400)

-- name: outcomes
INSERT INTO outcomes (minute, project_id, kind, outcome, quantity)
SELECT toDateTime('2026-11-01 00:00:00', 'UTC'), project_id, 'csp', 'accepted', sum(seen) FROM reports GROUP BY project_id

-- name: policies
INSERT INTO policies
SELECT project_id, policy, concat('script-src ', toString(policy)), min(first_seen), max(last_seen)
FROM reports WHERE policy != 0 GROUP BY project_id, policy

-- name: quarantine
INSERT INTO quarantine (received, receipt, project_id, reason, raw) SELECT now64(3), '1-2-3', 1, 'not_json', 'x'

-- name: projects
INSERT INTO projects (id, revision, name, keys, status, settings)
SELECT number, 1, concat('shop ', toString(number)), ['key'], 'active', '{{}}' FROM numbers(1, 3)

-- name: receipts
INSERT INTO receipts (shard, ms, seq, project_id, accepted, fingerprint, rejected_payload, rejected_reason, rejected_reports)
SELECT 1, toUnixTimestamp64Milli(now64(3)), 1, [1, 1], [1, 0], [5, 0], [1, 1], ['not_json', 'test_report'], [1, 2]

-- name: rejected_outcomes
ALTER TABLE receipts UPDATE rejected_outcome = ['invalid', 'filtered'] WHERE 1 SETTINGS mutations_sync = 2

-- name: has
SELECT count() FROM system.columns WHERE database = currentDatabase() AND table = %(table)s AND name = %(name)s

